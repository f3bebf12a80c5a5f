from tests.host.conftest import adapter, adapter_folders, family, folder, model_folders

__all__ = ["adapter", "adapter_folders", "family", "folder", "model_folders"]
