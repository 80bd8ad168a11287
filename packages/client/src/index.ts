export { ApiError, type ApiErrorCode } from './api-error.ts'
export { createClient, type Client, type ClientOptions } from './client.ts'
export type { AttachOptions, ContainersApi, LogsOptions, Waiting } from './containers.ts'
export type { ExecApi } from './exec.ts'
export { decodeFrames, encodeFrame, multiplexedStream, rawStream, type OutputChunk } from './frames.ts'
export type { GantryApi } from './gantry.ts'
export type { HijackedStream } from './hijack.ts'
export type { LogFrame } from './log-frames.ts'
export { bodyLengthOf, readBody, type BodyLength } from './http1/body.ts'
export { HttpSyntaxError, readHead, type MessageHead } from './http1/head.ts'
export { SocketReader } from './http1/reader.ts'
export type { ImageBuildOptions, ImagesApi, RegistryAuth, RemoteImagesApi } from './images.ts'
export { jsonLines } from './json-lines.ts'
export type { NetworksApi } from './networks.ts'
export type { Filters } from './query.ts'
export type { BuildCachePruned, SystemApi } from './system.ts'
export type {
  ContainerConfig,
  BlockDeviceRate,
  ContainerCreateBody,
  ContainerCreated,
  CommitRequest,
  ContainerChange,
  ContainerHealth,
  ContainerPathStat,
  ContainerInspect,
  ContainerState,
  ContainerStatus,
  ContainerSummary,
  CpuStats,
  DeviceMapping,
  DeviceRequest,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  IDMappings,
  Mount,
  MountPoint,
  NetworkStats,
  PortBinding,
  PortMap,
  PortSummary,
  RestartPolicy,
  StatsSample,
  TopResult,
  Ulimit,
  WaitCondition,
  WaitResult,
} from './types/container.ts'
export type { ExecCreateBody, ExecInspect, ExecStartBody } from './types/exec.ts'
export type { ContainersCompared, ExplainedStep, Explanation } from './types/explanation.ts'
export type {
  ContentDiskUsage,
  ImageDeleted,
  ImageHistoryItem,
  ImageInspect,
  ImagesPruned,
  ImageSummary,
  ProgressMessage,
  BuildCacheRecord,
  SystemDiskUsage,
} from './types/image.ts'
export type { Firewall, FirewallPort, FirewallRule } from './types/firewall.ts'
export type { Ipam, NetworkContainer, NetworkCreateBody, NetworkCreated, NetworkInspect } from './types/network.ts'
export type { EventMessage, PingInfo, SystemInfo, VersionInfo } from './types/system.ts'
export type { DeniedCall, Denials, WhyDeniedRequest } from './types/why-denied.ts'
export type { Secret, SecretRequest } from './types/secret.ts'
export type { CheckpointPlace, CheckpointsApi } from './checkpoints.ts'
export type { SecretsApi } from './secrets.ts'
export type { Volume, VolumeCreateBody, VolumeList } from './types/volume.ts'
export type { VolumesApi } from './volumes.ts'
export type { ContainerEditBody, ContainerEdited } from './types/edit.ts'
