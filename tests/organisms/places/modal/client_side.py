"""What Modal's client asks of the control plane."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.organisms.places.modal.state import App, Call, Function, Input, new_id

if TYPE_CHECKING:
    from tests.organisms.places.modal.plane import Plane

GPUS = {"T4", "L4", "A10", "A10G", "L40S", "A100", "A100-40GB", "A100-80GB", "H100", "H100!", "H200", "B200"}
_CREATE = (api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING, api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS)
_SUCCESS = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)


def missing(what: str) -> GRPCError:
    return GRPCError(Status.NOT_FOUND, f"{what} not found in environment 'main'")


class ClientSide:  # noqa: D101
    # ruff: noqa: N802
    def __init__(self, plane: Plane) -> None:
        self._plane, self._state = plane, plane.state

    async def ClientHello(self, _request: Any) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse()

    async def EnvironmentGetOrCreate(self, _request: Any) -> api_pb2.EnvironmentGetOrCreateResponse:
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06", webhook_suffix="")
        metadata = api_pb2.EnvironmentMetadata(name="main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    # Apps.

    async def AppGetByDeploymentName(self, request: Any) -> api_pb2.AppGetByDeploymentNameResponse:
        app = self._state.deployed(request.name)
        return api_pb2.AppGetByDeploymentNameResponse(app_id=app.id if app else "", environment_name="main")

    async def AppGetOrCreate(self, request: Any) -> api_pb2.AppGetOrCreateResponse:
        return api_pb2.AppGetOrCreateResponse(app_id=self._deployed(request.app_name).id)

    async def AppCreate(self, request: Any) -> api_pb2.AppCreateResponse:
        app = App(new_id("ap"), state=request.app_state)
        self._state.apps[app.id] = app
        return api_pb2.AppCreateResponse(app_id=app.id, app_page_url="http://127.0.0.1/app")

    async def AppGetLayout(self, request: Any) -> api_pb2.AppGetLayoutResponse:
        return api_pb2.AppGetLayoutResponse(app_layout=self._plane.layout(self._state.apps[request.app_id]))

    async def AppHeartbeat(self, _request: Any) -> Empty:
        return Empty()

    async def AppClientDisconnect(self, _request: Any) -> Empty:
        return Empty()

    async def AppPublish(self, request: Any) -> api_pb2.AppPublishResponse:
        app = self._state.apps[request.app_id]
        before = self._state.deployed(request.name)
        if before is not None and before is not app:
            await self._plane.stop(before)
        app.name, app.state, app.deploys = request.name, request.app_state, app.deploys + 1
        app.functions, app.classes = dict(request.function_ids), dict(request.class_ids)
        self._plane.counts["deploys"] += 1
        for function_id in app.functions.values():
            for container in list(self._state.functions[function_id].containers):
                await container.drain()
        return api_pb2.AppPublishResponse(url="http://127.0.0.1/app", deployed_at=time.time())

    async def AppStop(self, request: Any) -> Empty:
        await self._plane.stop(self._state.apps[request.app_id])
        return Empty()

    async def AppList(self, _request: Any) -> api_pb2.AppListResponse:
        listed = [
            api_pb2.AppListResponse.AppListItem(
                app_id=app.id,
                name=app.name,
                description=app.name,
                state=app.state,
                n_running_tasks=sum(len(self._state.functions[one].containers) for one in app.functions.values()),
            )
            for app in self._state.apps.values()
            if app.name
        ]
        return api_pb2.AppListResponse(apps=listed)

    def _deployed(self, name: str) -> App:
        app = self._state.deployed(name)
        if app is None:
            raise missing(f"App '{name}'")
        return app

    # What functions are made of.

    async def SecretGetOrCreate(self, request: Any) -> api_pb2.SecretGetOrCreateResponse:
        if request.deployment_name:
            if request.deployment_name not in self._state.named_secrets:
                raise missing(f"Secret '{request.deployment_name}'")
            secret = self._state.named_secrets[request.deployment_name]
        else:
            secret = new_id("st")
            self._state.secrets[secret] = dict(request.env_dict)
        return api_pb2.SecretGetOrCreateResponse(
            secret_id=secret, metadata=api_pb2.SecretMetadata(name=request.deployment_name)
        )

    async def VolumeGetOrCreate(self, request: Any) -> api_pb2.VolumeGetOrCreateResponse:
        name = request.deployment_name
        if name not in self._state.volumes and request.object_creation_type not in _CREATE:
            raise missing(f"Volume '{name}'")
        volume = self._state.volumes.setdefault(name, f"vo-{name}")
        metadata = api_pb2.VolumeMetadata(version=api_pb2.VOLUME_FS_VERSION_V1, name=name)
        return api_pb2.VolumeGetOrCreateResponse(
            volume_id=volume, version=api_pb2.VOLUME_FS_VERSION_V1, metadata=metadata
        )

    async def MountBatchedCheckExistence(self, request: Any) -> api_pb2.MountBatchedCheckExistenceResponse:
        absent = [one for one in request.sha256_hex_hashes if not self._plane.store.has(one)]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=absent)

    async def MountPutFile(self, request: Any) -> api_pb2.MountPutFileResponse:
        if not self._plane.store.has(request.sha256_hex):
            data = self._plane.store.blob(request.data_blob_id) if request.data_blob_id else request.data
            self._plane.store.put(request.sha256_hex, data)
        return api_pb2.MountPutFileResponse(exists=True)

    async def MountGetOrCreate(self, request: Any) -> api_pb2.MountGetOrCreateResponse:
        mount = new_id("mo")
        self._state.mounts[mount] = list(request.files)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount)

    async def ImageGetOrCreate(self, request: Any) -> api_pb2.ImageGetOrCreateResponse:
        key = request.image.SerializeToString(deterministic=True)
        known = self._state.image_ids.get(key)
        if known is not None:
            return api_pb2.ImageGetOrCreateResponse(image_id=known, result=_SUCCESS, metadata=_IMAGE)
        image = new_id("im")
        self._state.images[image] = request.image
        if not self._plane.faults.image_fails:
            self._state.image_ids[key] = image
            self._plane.counts["images built"] += 1
        return api_pb2.ImageGetOrCreateResponse(image_id=image)

    async def ImageJoinStreaming(self, _request: Any) -> AsyncIterator[api_pb2.ImageJoinStreamingResponse]:
        if self._plane.faults.image_fails:
            failed = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_FAILURE)
            yield api_pb2.ImageJoinStreamingResponse(result=failed, eof=True)
        else:
            yield api_pb2.ImageJoinStreamingResponse(result=_SUCCESS, eof=True, metadata=_IMAGE)

    async def BlobCreate(self, request: Any) -> api_pb2.BlobCreateResponse:
        blob = self._plane.store.new_blob()
        url = f"{self._plane.http_url}/blob/{blob}"
        return api_pb2.BlobCreateResponse(blob_ids=[blob], upload_urls=api_pb2.UploadUrlList(items=[url]))

    async def BlobGet(self, request: Any) -> api_pb2.BlobGetResponse:
        return api_pb2.BlobGetResponse(download_url=f"{self._plane.http_url}/blob/{request.blob_id}")

    # Functions and classes.

    async def FunctionPrecreate(self, request: Any) -> api_pb2.FunctionPrecreateResponse:
        function = self._function(request.existing_function_id, request.app_id, request.function_name)
        function.handle.CopyFrom(_handle(function, request))
        return api_pb2.FunctionPrecreateResponse(function_id=function.id, handle_metadata=function.handle)

    async def FunctionCreate(self, request: Any) -> api_pb2.FunctionCreateResponse:
        gpu = request.function.resources.gpu_config.gpu_type
        if gpu and gpu not in GPUS:
            raise GRPCError(Status.INVALID_ARGUMENT, f"Invalid GPU type: {gpu}")
        function = self._function(request.existing_function_id, request.app_id, request.function.function_name)
        if function.definition is None or not self._plane.faults.frozen:
            function.definition = request.function
        function.handle.CopyFrom(_handle(function, request.function))
        return api_pb2.FunctionCreateResponse(
            function_id=function.id,
            function=request.function,
            handle_metadata=function.handle,
            function_data=_data(function),
        )

    async def FunctionGet(self, request: Any) -> api_pb2.FunctionGetResponse:
        app = self._deployed(request.app_name)
        if request.object_tag not in app.functions:
            raise missing(f"Function '{request.object_tag}'")
        function = self._state.functions[app.functions[request.object_tag]]
        return api_pb2.FunctionGetResponse(
            function_id=function.id, handle_metadata=function.handle, function=_data(function)
        )

    async def ClassCreate(self, _request: Any) -> api_pb2.ClassCreateResponse:
        return api_pb2.ClassCreateResponse(class_id=new_id("cs"))

    async def ClassGet(self, request: Any) -> api_pb2.ClassGetResponse:
        app = self._deployed(request.app_name)
        if request.object_tag not in app.classes:
            raise missing(f"Class '{request.object_tag}'")
        return api_pb2.ClassGetResponse(class_id=app.classes[request.object_tag])

    async def FunctionGetCurrentStats(self, request: Any) -> api_pb2.FunctionStats:
        function = self._state.functions[request.function_id]
        return api_pb2.FunctionStats(backlog=len(function.pending), num_total_tasks=len(function.containers))

    def _function(self, existing: str, app_id: str, name: str) -> Function:
        if existing in self._state.functions:
            return self._state.functions[existing]
        handle = api_pb2.FunctionHandleMetadata()
        function = Function(new_id("fu"), self._state.apps[app_id], name, handle)
        self._state.functions[function.id] = function
        return function

    # Calls.

    async def FunctionMap(self, request: Any) -> api_pb2.FunctionMapResponse:
        function = self._state.functions[request.function_id]
        if not function.app.deployed:
            raise GRPCError(Status.FAILED_PRECONDITION, "App is stopped")
        call = Call(new_id("fc"), function)
        self._state.calls[call.id] = call
        put = [await self._put(call, item, request.function_call_invocation_type) for item in request.pipelined_inputs]
        return api_pb2.FunctionMapResponse(function_call_id=call.id, pipelined_inputs=put)

    async def _put(self, call: Call, item: Any, invocation: Any) -> api_pb2.FunctionPutInputsResponseItem:
        one = Input(new_id("in"), call, item.input, invocation)
        call.inputs.append(one)
        self._state.inputs[one.id] = one
        await self._plane.enqueue(call.function, [one])
        return api_pb2.FunctionPutInputsResponseItem(idx=item.idx, input_id=one.id, input_jwt=one.id)

    async def FunctionGetOutputs(self, request: Any) -> api_pb2.FunctionGetOutputsResponse:
        call = self._state.calls[request.function_call_id]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request.timeout), call.changed:
                await call.changed.wait_for(lambda: call.done)
        outputs = [one.output for one in call.inputs if one.output is not None]
        unfinished = sum(one.output is None for one in call.inputs)
        return api_pb2.FunctionGetOutputsResponse(outputs=outputs, num_unfinished_inputs=unfinished)

    async def FunctionCallGetDataOut(self, request: Any) -> AsyncIterator[api_pb2.DataChunk]:
        call, sent = self._state.calls[request.function_call_id], 0
        while True:
            for chunk in call.chunks[sent:]:
                sent += 1
                if chunk.index > request.last_index:
                    yield chunk
            async with call.changed:
                if sent == len(call.chunks):
                    await call.changed.wait()  # the client goes away when it knows that this was all

    async def FunctionCallCancel(self, request: Any) -> Empty:
        call = self._state.calls[request.function_call_id]
        self._plane.counts["calls cancelled"] += 1
        for one in call.inputs:
            if one in call.function.pending:
                call.function.pending.remove(one)
                await one.fail(api_pb2.GenericResult.GENERIC_STATUS_TERMINATED, "cancelled")
            for container in call.function.containers:
                if one.id in container.running:
                    await container.cancel(one.id)
        return Empty()

    async def FunctionCallFromId(self, request: Any) -> api_pb2.FunctionCallFromIdResponse:
        return api_pb2.FunctionCallFromIdResponse(function_call_id=request.function_call_id, num_inputs=1)


_IMAGE = api_pb2.ImageMetadata(python_version_info="Python 3.11", image_builder_version="2025.06")


def _data(function: Function) -> api_pb2.FunctionData:
    ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=function.definition)
    return api_pb2.FunctionData(
        module_name=ranked.function.module_name, function_name=function.name, ranked_functions=[ranked]
    )


def _handle(function: Function, definition: Any) -> api_pb2.FunctionHandleMetadata:
    handle = api_pb2.FunctionHandleMetadata(
        function_name=definition.function_name,
        function_type=definition.function_type,
        app_id=function.app.id,
        definition_id=f"de-{function.id}",
        supported_input_formats=definition.supported_input_formats,
        supported_output_formats=definition.supported_output_formats,
    )
    if isinstance(definition, api_pb2.Function):
        handle.class_parameter_info.CopyFrom(definition.class_parameter_info)
    for name, method in definition.method_definitions.items():
        handle.method_handle_metadata[name].CopyFrom(
            api_pb2.FunctionHandleMetadata(
                function_name=method.function_name,
                function_type=method.function_type,
                is_method=True,
                use_method_name=name,
                app_id=function.app.id,
                supported_input_formats=method.supported_input_formats,
                supported_output_formats=method.supported_output_formats,
            )
        )
    return handle
