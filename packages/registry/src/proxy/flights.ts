/** Work that several may want at the same time and that is done once: those who come while it is under way share it. */
export class Flights<T> {
  readonly #flying = new Map<string, Promise<T>>()

  /** What is under way. */
  get all(): readonly Promise<T>[] {
    return [...this.#flying.values()]
  }

  /** Joins the work of this name, or begins it. */
  join(name: string, work: () => Promise<T>): Promise<T> {
    const known = this.#flying.get(name)
    if (known !== undefined) return known
    const flight = work().finally(() => this.#flying.delete(name))
    this.#flying.set(name, flight)
    // Whoever asked for it is told; when nobody waits any more, nobody need be.
    flight.catch(() => undefined)
    return flight
  }
}
