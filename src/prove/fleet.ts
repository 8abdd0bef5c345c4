import type { Clock } from '../clock.ts'

/*
 * How a prover drives the devices of a system it does not know: clients that keep what is written on them while nobody answers, and
 * sync it when they can. The prover brings people, networks and time; the exercise brings the clients.
 */

/** What two devices wrote without knowing of each other, as the device shows it to its person. Texts; `deleted` where there is none. */
export interface DeviceConflict {
  id: string
  mine: string | 'deleted'
  /** `unseen`: the other version is not on this device yet. */
  theirs: string | 'deleted' | 'unseen'
}

/** One device of a person. Whatever it asks of the system goes through the `fetch` it was given, whatever it waits for through its clock. */
export interface FleetDevice {
  /** What its person sees: the text of every entry, by id. What was deleted is not among them. */
  entries(): Promise<ReadonlyMap<string, string>>
  write(kind: string, id: string, text: string): Promise<void>
  remove(kind: string, id: string): Promise<void>
  /**
   * Takes over what others wrote, and sends what was written here. Resolves only once all of that was acknowledged which is in no conflict.
   * @returns what it would tell its person of a system that cannot be believed; empty when there is nothing to tell
   */
  sync(): Promise<string[]>
  conflicts(): Promise<DeviceConflict[]>
  /** Decides for this device's version, for the other, or for a text that takes the place of both. */
  decide(id: string, decision: 'mine' | 'theirs' | { text: string }): Promise<void>
  /** Puts the newest key of its person in place for everything of a kind. */
  replaceKey(kind: string): Promise<void>
}

export interface FleetDeviceOptions {
  /** Whose device it is. */
  person: string
  /** No other device of the person ever had it. */
  name: string
  fetch: typeof fetch
  clock: Clock
  /** Uniform in [0, 1). */
  random(): number
}

export interface Fleet {
  /** The kinds of entries people keep; at least one. */
  kinds: readonly string[]
  /** A device that knows nothing but what its person brings along: who they are, and their keys. */
  device(options: FleetDeviceOptions): FleetDevice
  /** From now on the person has a new key beside the old ones; each device learns of it before it syncs next. */
  newKey(person: string): void
}
