import { mkdir } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { makeBell } from './bell.ts'
import { startHeart } from './heart.ts'
import type { Mark } from './heartbeat.ts'
import { layout } from './layout.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { outages } from './outages.ts'
import { sqlState } from './replication.ts'
import { once, type Repository } from './repository.ts'
import { resumeArchive } from './resume-archive.ts'
import { claimServer } from './server-identity.ts'
import { claimSpool } from './spool-owner.ts'
import { spoolOf, storeSpooled } from './spool-recovery.ts'
import { type FeedListener, openFeed, type WalFeed } from './wal-feed.ts'
import { readInventory } from './wal-inventory.ts'
import { openSpool, type Spool } from './wal-spool.ts'
import type { StartPoint } from './wal-start.ts'

export interface WalReceiverOptions {
  /** URL of a role with REPLICATION; the heartbeat connects with it as well. */
  url: string
  repository: Repository
  /** Folder on this machine where WAL waits for the store. One receiver at a time. */
  spool: string
  /** Name of the physical slot; made when it is missing. See `slotName`. */
  slot: string
  clock: Clock
  /** Hears once of every outage; the receiver itself goes on trying. */
  onTrouble?: (error: unknown) => void
  /** How often a heartbeat is committed, so that every moment but the last one can be restored to. 0 for never; 1 000. */
  heartbeatMs?: number
  /** How long WAL may wait for more before a part of a segment is stored; 400. */
  pieceEveryMs?: number
  /** The slot goes with the connection. */
  temporarySlot?: boolean
}

export interface WalReceiver {
  /** received: taken from the server. spooled: safe from a crash of this machine. stored: safe from its loss. */
  position(): { received: Lsn; spooled: Lsn; stored: Lsn }
  /**
   * Resolves once everything before `lsn` is in the repository.
   * @throws WAL_NOT_STORED after `timeoutMs`.
   */
  waitUntilStored(lsn: Lsn, timeoutMs: number): Promise<void>
  /** Commits a heartbeat now; the moment can be restored to once it is stored. */
  heartbeat(): Promise<Mark>
  /** The newest moment that can be restored to. */
  newestMark(): Mark | undefined
  /** Stores what was received and disconnects. The slot stays and keeps what follows. */
  stop(): Promise<void>
}

/** Name of the slot of a system, in the letters that slots allow. */
export function slotName(system: string): string {
  return `aval_${system.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`.slice(0, 63)
}

const firstPauseMs = 100
const longestPauseMs = 5_000

/**
 * Streams WAL from a slot into the spool and from there into the repository, until it is stopped. Whatever an earlier receiver
 * left in the spool is stored first. Breaks of the connection, restarts of the server and outages of the store are waited out.
 * @throws when there is no first connection: POSTGRES_UNREACHABLE, REPOSITORY_OTHER_SERVER, WAL_SPOOL_BUSY, WAL_DIVERGED.
 */
export async function startWalReceiver(options: WalReceiverOptions): Promise<WalReceiver> {
  const { repository, clock, url } = options
  await mkdir(options.spool, { recursive: true, mode: 0o700 })
  await using undo = new AsyncDisposableStack()
  undo.defer(await claimSpool(options.spool))
  await storeSpooled({ repository, spool: options.spool })

  let spool: Spool | undefined
  const open = (skipGap: boolean) =>
    openFeed({
      url,
      slot: { name: options.slot, temporary: options.temporarySlot ?? false },
      repository,
      admit: (identity) => claimServer(repository, identity),
      received: () => spool?.end(),
      inventory: (segmentBytes) => readInventory(repository, segmentBytes),
      skipGap,
    })
  const first = await open(false)
  undo.defer(first.close)
  const { walSegmentBytes, systemIdentifier } = first.identity
  const opened = await openSpool(spoolOf(options.spool, systemIdentifier), walSegmentBytes)
  spool = opened
  undo.defer(opened.close)
  const archive = await resumeArchive(repository, opened, first, clock, options.pieceEveryMs ?? 400)

  const held = undo.move()
  const stopping = new AbortController()
  const bell = makeBell()
  const waiters = new Set<Lsn>()
  const progress = { received: first.start.lsn, spooled: first.start.lsn }
  const advance = (what: 'received' | 'spooled', lsn: Lsn) => {
    if (lsn > progress[what]) progress[what] = lsn
  }
  advance('received', archive.stored())
  advance('spooled', archive.stored())

  const receive = async () => {
    const outage = outages(options.onTrouble)
    let feed: WalFeed | undefined = first
    let pause = firstPauseMs
    let skipGap = false
    let { timeline } = first.start
    const hear: FeedListener = {
      streaming: (start) => {
        if (start.timeline !== timeline) progress.received = progress.spooled = start.lsn
        timeline = start.timeline
        archive.follow(start)
      },
      received: (lsn) => {
        advance('received', lsn)
        pause = firstPauseMs
        outage.over()
      },
      spooled: (lsn) => {
        advance('spooled', lsn)
        bell.ring()
      },
      now: clock.now,
    }
    while (!stopping.signal.aborted) {
      try {
        feed ??= await open(skipGap)
        if (skipGap) await noteGap(repository, archive.stored(), feed.start)
        skipGap = false
        const running = feed
        const cut = () => void running.close()
        stopping.signal.addEventListener('abort', cut, { once: true })
        if (stopping.signal.aborted) cut()
        await running.run(opened, hear).finally(() => stopping.signal.removeEventListener('abort', cut))
      } catch (error) {
        if (stopping.signal.aborted) break
        // The server no longer has what comes next. Going on behind the hole keeps all later moments restorable from the next backup on.
        skipGap = sqlState(error) === '58P01'
        outage.hit(skipGap ? failure('WAL_GAP', { after: formatLsn(archive.stored()) }, { cause: error }) : error)
      }
      await feed?.close()
      feed = undefined
      await clock.sleep(pause, stopping.signal).catch(() => undefined)
      pause = Math.min(2 * pause, longestPauseMs)
    }
    await opened.close()
  }

  let received = false
  const keep = async () => {
    const outage = outages(options.onTrouble)
    let pause = firstPauseMs
    for (;;) {
      let wait: number | undefined
      try {
        wait = await archive.step(waiters.size > 0 || received)
        if (received && wait === undefined) return await archive.writeHead()
        outage.over()
        pause = firstPauseMs
      } catch (error) {
        outage.hit(error)
        // What is not stored stays in the spool for the next receiver.
        if (received) return
        wait = pause
        pause = Math.min(2 * pause, longestPauseMs)
      }
      if (wait !== 0) await bell.wait(wait)
    }
  }

  const heart = startHeart({ url, clock, everyMs: options.heartbeatMs ?? 1_000, onMark: archive.addMark })
  const receiving = receive().finally(() => {
    received = true
    bell.ring()
  })
  const keeping = keep()

  return {
    position: () => ({ ...progress, stored: archive.stored() }),
    waitUntilStored: async (lsn, timeoutMs) => {
      const deadline = clock.now() + timeoutMs
      waiters.add(lsn)
      try {
        while (archive.stored() < lsn) {
          if (clock.now() > deadline) {
            throw failure('WAL_NOT_STORED', {
              lsn: formatLsn(lsn),
              stored: formatLsn(archive.stored()),
              seconds: timeoutMs / 1000,
            })
          }
          bell.ring()
          await clock.sleep(10)
        }
      } finally {
        waiters.delete(lsn)
      }
    },
    heartbeat: heart.beat,
    newestMark: archive.newestMark,
    stop: async () => {
      stopping.abort()
      await heart.stop()
      await receiving
      await keeping
      await held.disposeAsync()
    },
  }
}

/** Writes down what could not be received, so that a hole nobody can fill is told from one that was made. */
async function noteGap(repository: Repository, from: Lsn, start: StartPoint): Promise<void> {
  if (start.lsn <= from) return
  const text = Buffer.from(JSON.stringify({ from: formatLsn(from), to: formatLsn(start.lsn) }))
  await repository.put(layout.gap(start.timeline, from, start.lsn), once(text), { digest: repository.digest(text) })
}
