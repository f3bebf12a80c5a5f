from tests.host.conftest import _one_thread, adapter_folders, model_folders

__all__ = ["_one_thread", "adapter_folders", "model_folders"]
