import { EngineError, type EngineErrorCode } from '../engine-error.ts'

/** Where a container is in its life; Docker's seven words. */
export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

/** What happens to a container: what people ask for, and what its process does. */
export type Move = 'start' | 'pause' | 'unpause' | 'exit' | 'backoff' | 'remove' | 'removeFailed'

type Target = Status | Refusal

interface Refusal {
  readonly code: EngineErrorCode
  /** Said after the container's name. */
  readonly text: string
}

const running: Refusal = { code: 'CONTAINER_RUNNING', text: 'is already running' }
const stopped: Refusal = { code: 'CONTAINER_NOT_RUNNING', text: 'is not running' }
const paused: Refusal = { code: 'CONTAINER_PAUSED', text: 'is paused; unpause it first' }
const notPaused: Refusal = { code: 'CONTAINER_NOT_PAUSED', text: 'is not paused' }
const restarting: Refusal = { code: 'CONTAINER_RESTARTING', text: 'is restarting; wait until it runs' }
const removing: Refusal = { code: 'CONTAINER_REMOVING', text: 'is marked for removal' }
const inTheWay: Refusal = {
  code: 'CONTAINER_RUNNING',
  text: 'is running: stop the container before removing or force remove',
}

/*
 *            start ────────────────────────────┐
 *   created ──────▶ running ◀──unpause── paused│
 *      │            │ ▲  └────pause─────▶  │   │
 *      │        exit│ │start               │   │
 *      │            ▼ │                    │   │
 *      │         exited ◀──────exit────────┘   │
 *      │            │ backoff ▶ restarting ────┘
 *      └──remove──▶ removing ──removeFailed──▶ dead
 */
const table: Readonly<Record<Status, Readonly<Record<Move, Target>>>> = {
  created: moves({ start: 'running', remove: 'removing' }, stopped),
  running: moves({ start: running, pause: 'paused', unpause: notPaused, exit: 'exited', remove: inTheWay }, running),
  paused: moves({ start: paused, pause: paused, unpause: 'running', exit: 'exited', remove: inTheWay }, paused),
  restarting: moves({ start: 'running', exit: 'exited', remove: 'removing', pause: restarting }, restarting),
  exited: moves({ start: 'running', backoff: 'restarting', remove: 'removing' }, stopped),
  removing: moves({ remove: 'removing', removeFailed: 'dead' }, removing),
  dead: moves({ remove: 'removing' }, removing),
}

function moves(known: Partial<Record<Move, Target>>, otherwise: Refusal): Readonly<Record<Move, Target>> {
  return {
    start: otherwise,
    pause: otherwise,
    unpause: otherwise,
    exit: otherwise,
    backoff: otherwise,
    remove: otherwise,
    removeFailed: otherwise,
    ...known,
  }
}

/** Whether a process of the container exists. */
export function isAlive(status: Status): boolean {
  return status === 'running' || status === 'paused'
}

/** Whether the move is allowed from here. */
export function canMove(status: Status, move: Move): boolean {
  return typeof table[status][move] === 'string'
}

/** Where a move leads. `name` is for the text of a refusal. @throws EngineError with the refusal's code */
export function nextStatus(status: Status, move: Move, name: string): Status {
  const target = table[status][move]
  if (typeof target === 'string') return target
  throw new EngineError(target.code, `Container ${name} ${target.text}`)
}
