/** Something that happened, for everybody who watches. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'network' | 'volume' | 'secret' | 'daemon'
  /** Docker's word: create, start, die, destroy, …; of an exec with its command, as in `exec_start: ls`. */
  readonly action: string
  /** Id of the container, name of the image, volume or network. */
  readonly subject: string
  readonly attributes: Readonly<Record<string, string>>
  /** Milliseconds since the epoch, with a fraction. */
  readonly time: number
}

/** An event before it has its time. */
export type NewEvent = Omit<EngineEvent, 'time'>
