export { createDockerApi, type DockerApi } from './docker-api.ts'
export { ApiFailure } from './http/api-failure.ts'
export { imagesApi } from './images/images-api.ts'
export type { ApiBuildOptions, DockerApiParts, RecordedImageEvent } from './parts.ts'
