export { BenchError, type BenchErrorCode } from './bench-error.ts'
export { measure, type Goal, type MeasureOptions, type Row, type Side, type Unit } from './row.ts'
export { median, quantile } from './statistics.ts'
export { type DockerRoot, startDockerRoot } from './peers/docker-root.ts'
