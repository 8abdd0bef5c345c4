import { formatLsn, type Lsn } from './lsn.ts'
import type { ReplicationConnection } from './replication.ts'
import { parseWalMessage, statusUpdate } from './wal-message.ts'
import type { Spool } from './wal-spool.ts'
import type { StartPoint } from './wal-start.ts'

export interface FeedListener {
  /** WAL follows from here. */
  streaming(start: StartPoint): void
  /** The server is alive and has written up to here. */
  server(lsn: Lsn): void
  received(lsn: Lsn): void
  /** Everything up to it survives a crash of this machine. */
  spooled(lsn: Lsn): void
  /**
   * How much of what is spooled the server may count on: it then forgets that WAL, and a synchronous commit returns.
   * @param spooled everything up to it survives a crash of this machine.
   */
  settled(spooled: Lsn): Lsn
  now(): number
}

export interface WalStreamOptions {
  connection: ReplicationConnection
  slot: string
  start: StartPoint
  silenceMs: number
}

/** WAL written to the spool before it is synced although more is waiting. */
const syncEveryBytes = 4_194_304
/** Ticks in a silence; the server is asked for a sign of life after two of them. */
const ticks = 6

/**
 * The stream of one connection. It watches over the server by itself, since a server that was frozen or cut off closes nothing:
 * it is asked for a sign of life after a third of the silence it is allowed, and told the positions as often, even while the disk
 * of the spool keeps this side busy. Ticks are counted instead of the clock, which may be put forward, or this process frozen.
 */
export function walStream({ connection, slot, start, silenceMs }: WalStreamOptions): {
  run(spool: Spool, hear: FeedListener): Promise<void>
  acknowledge(): void
} {
  let acknowledge = (_answer?: boolean) => {}

  const run = async (spool: Spool, hear: FeedListener): Promise<void> => {
    let quiet = 0
    let open = false
    const copy = connection.copy(
      `START_REPLICATION SLOT "${slot}" PHYSICAL ${formatLsn(start.lsn)} TIMELINE ${start.timeline}`,
    )
    const watch = setInterval(() => {
      quiet = copy.waiting() > 0 ? 0 : quiet + 1
      if (quiet >= ticks) connection.destroy()
      else if (quiet >= 2 || quiet === 0) acknowledge(true)
    }, silenceMs / ticks)
    try {
      await copy.before
      open = true
      hear.streaming(start)
      let written = start.lsn
      let spooled = start.lsn
      let unsynced = 0
      acknowledge = (answer = false) => {
        if (open) copy.send(statusUpdate({ written, flushed: hear.settled(spooled) }, hear.now(), answer))
      }
      const sync = async () => {
        await spool.sync()
        unsynced = 0
        spooled = written
        hear.spooled(spooled)
      }
      // A synchronous standby counts only once it has said where it is.
      acknowledge()
      for await (const bytes of copy.messages) {
        quiet = 0
        const message = parseWalMessage(bytes)
        if (message) hear.server(message.end)
        if (message?.kind === 'data') {
          await spool.append(start.timeline, message.start, message.bytes)
          written = message.start + BigInt(message.bytes.length)
          unsynced += message.bytes.length
          hear.received(written)
        }
        if (unsynced > 0 && (copy.waiting() === 0 || unsynced >= syncEveryBytes)) {
          await sync()
          acknowledge()
        } else if (message?.kind === 'keepalive' && message.replyRequested) {
          acknowledge()
        }
      }
      // The server ends the stream itself only where its timeline ends. The next one is asked for on a connection of its own,
      // which brings its history first: without that nobody could tell how the two belong together.
      open = false
      await sync()
      copy.finish()
      await copy.after
    } finally {
      open = false
      acknowledge = () => {}
      clearInterval(watch)
    }
  }
  return { run, acknowledge: () => acknowledge() }
}
