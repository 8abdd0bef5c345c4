import { mkdir } from 'node:fs/promises'
import type { Clock } from '../../clock.ts'
import { failure, messageOf } from '../../errors.ts'
import { outageOf } from '../../postgres/connection.ts'
import { sqlState } from '../../postgres/sql-state.ts'
import { isErrno } from '../durable.ts'
import type { Repository } from '../repository/repository.ts'
import { claimServer } from '../repository/server-identity.ts'
import { makeBell } from './bell.ts'
import { startHeart } from './heart.ts'
import type { Mark } from './heartbeat.ts'
import { type LostWal, noteLostWal } from './lost-wal.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { outages } from './outages.ts'
import { resumeArchive } from './resume-archive.ts'
import { claimSpool } from './spool-owner.ts'
import { spoolOf, storeSpooled } from './spool-recovery.ts'
import { openFeed, type WalFeed } from './wal-feed.ts'
import { readInventory } from './wal-inventory.ts'
import { lagMeter, type WalLag } from './wal-lag.ts'
import { openSpool, type Spool } from './wal-spool.ts'
import { type WalStatus, writeWalStatus } from './wal-status.ts'
import type { FeedListener } from './wal-stream.ts'
import { keepSynchronous, type SynchronousOptions, type SynchronousState } from './wal-synchronous.ts'

export interface WalReceiverOptions {
  /** URL of a role with REPLICATION; the heartbeat connects with it as well. */
  url: string
  repository: Repository
  /** Folder on this machine where WAL waits for the store. One receiver at a time. */
  spool: string
  /** Name of the physical slot; made when it is missing. See `slotName`. */
  slot: string
  clock: Clock
  /** Hears of every kind of failure once an outage; the receiver itself goes on trying. */
  onTrouble?: (error: unknown) => void
  /** How often a heartbeat is committed, so that every moment but the last one can be restored to. 0 for never; 1 000. */
  heartbeatMs?: number
  /** How long WAL may wait for more before a part of a segment is stored; 400. */
  pieceEveryMs?: number
  /** The slot goes with the connection. */
  temporarySlot?: boolean
  /**
   * What the server is told it may count on: WAL that is on this machine's disk, or only what is in the store. `stored` loses
   * nothing of a synchronous commit with both machines, and makes every one wait for the store; `spooled` unless told.
   */
  acknowledge?: 'spooled' | 'stored'
  /** Hears of WAL that cannot be had any more: a new base backup is due. */
  onGap?: (gap: LostWal) => void
  /** A small file that always tells where this receiver is; see `readWalStatus`. */
  statusFile?: string
  /** Lets commits wait for this receiver. */
  synchronous?: SynchronousOptions
  /** A server that cannot be brought to say anything for this long is given up and connected to anew; 10 000. */
  silenceMs?: number
}

export interface WalReceiver {
  /** received: taken from the server. spooled: safe from a crash of this machine. stored: safe from its loss. */
  position(): { received: Lsn; spooled: Lsn; stored: Lsn }
  /** How far it is behind the server, as far as it knows. */
  lag(): WalLag
  /** WAL that was lost since it was started; moments from there until the next backup cannot be restored. */
  gap(): LostWal | undefined
  /** Whether commits wait for it. */
  synchronous(): SynchronousState
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
const statusEveryMs = 1_000
/** Three times what a server needs to answer across an ocean at its busiest, and short beside the time slots keep WAL. */
const defaultSilenceMs = 10_000

/**
 * Streams WAL from a slot into the spool and from there into the repository, until it is stopped. Whatever an earlier receiver
 * left in the spool is stored first. Breaks of the connection, restarts of the server and outages of the store are waited out.
 * @throws when there is no first connection: POSTGRES_UNREACHABLE, REPOSITORY_OTHER_SERVER, WAL_SPOOL_BUSY, WAL_DIVERGED.
 */
export async function startWalReceiver(options: WalReceiverOptions): Promise<WalReceiver> {
  const { repository, clock, url } = options
  const onStore = options.acknowledge === 'stored'
  await mkdir(options.spool, { recursive: true, mode: 0o700 })
  await using undo = new AsyncDisposableStack()
  undo.defer(await claimSpool(options.spool))
  await storeSpooled({ repository, spool: options.spool })

  let spool: Spool | undefined
  const open = (missingAfter?: Lsn) =>
    openFeed({
      url,
      slot: { name: options.slot, temporary: options.temporarySlot ?? false },
      repository,
      admit: (identity) => claimServer(repository, identity),
      received: () => spool?.end(),
      inventory: (segmentBytes) => readInventory(repository, segmentBytes),
      missingAfter,
      silenceMs: options.silenceMs ?? defaultSilenceMs,
    })
  const first = await open()
  undo.defer(first.close)
  const { walSegmentBytes, systemIdentifier } = first.identity
  const opened = await openSpool(spoolOf(options.spool, systemIdentifier), walSegmentBytes)
  spool = opened
  undo.defer(opened.close)
  let feed: WalFeed | undefined = first
  const archive = await resumeArchive(repository, opened, first, clock, options.pieceEveryMs ?? 400, () => {
    if (onStore) feed?.acknowledge()
  })

  const held = undo.move()
  const stopping = new AbortController()
  const bell = makeBell()
  const waiters = new Set<Lsn>()
  const progress = { received: first.start.lsn, spooled: first.start.lsn }
  const meter = lagMeter(clock.now, first.start.lsn)
  const advance = (what: 'received' | 'spooled', lsn: Lsn) => {
    if (lsn > progress[what]) progress[what] = lsn
  }
  advance('received', archive.stored())
  advance('spooled', archive.stored())
  let { timeline } = first.start
  let streaming = false
  let lost: LostWal | undefined
  const position = () => ({ ...progress, stored: archive.stored() })

  const receive = async () => {
    const outage = troubles.part()
    let pause = firstPauseMs
    let missingAfter: Lsn | undefined
    const hear: FeedListener = {
      streaming: (start) => {
        if (start.timeline !== timeline) {
          progress.received = progress.spooled = start.lsn
          meter.restart(start.lsn)
        }
        timeline = start.timeline
        streaming = true
        archive.follow(start)
      },
      server: (lsn) => {
        meter.server(lsn)
        pause = firstPauseMs
        outage.over()
      },
      received: (lsn) => advance('received', lsn),
      spooled: (lsn) => {
        advance('spooled', lsn)
        bell.ring()
      },
      settled: (spooled) => {
        const stored = archive.stored()
        return onStore && stored < spooled ? stored : spooled
      },
      now: clock.now,
    }
    while (!stopping.signal.aborted) {
      try {
        feed ??= await open(missingAfter)
        if (missingAfter !== undefined) {
          const hole = await noteLostWal(repository, archive.stored(), feed.start)
          if (hole) {
            lost = hole
            options.onGap?.(hole)
          }
        }
        missingAfter = undefined
        const running = feed
        const cut = () => void running.close()
        stopping.signal.addEventListener('abort', cut, { once: true })
        if (stopping.signal.aborted) cut()
        await running.run(opened, hear).finally(() => stopping.signal.removeEventListener('abort', cut))
      } catch (error) {
        if (stopping.signal.aborted) break
        // The server no longer has what comes next. Going on behind the hole keeps all later moments restorable from the next backup on.
        const removed = feed !== undefined && sqlState(error) === '58P01'
        if (removed) missingAfter = progress.received
        const { slot } = options
        outage.hit(whatHappened(error, { removed, slot, spool: options.spool, stored: archive.stored(), url }))
      }
      streaming = false
      await feed?.close()
      feed = undefined
      await clock.sleep(pause, stopping.signal).catch(() => undefined)
      pause = Math.min(2 * pause, longestPauseMs)
    }
    streaming = false
    await opened.close().catch(() => undefined)
  }

  let received = false
  const keep = async () => {
    const outage = troubles.part()
    let pause = firstPauseMs
    for (;;) {
      let wait: number | undefined
      try {
        wait = await archive.step(waiters.size > 0 || received || onStore)
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

  const troubles = outages(options.onTrouble, clock.now)
  const heart = startHeart({
    url,
    clock,
    everyMs: options.heartbeatMs ?? 1_000,
    onMark: (mark) => {
      archive.addMark(mark)
      if (streaming) meter.server(mark.lsn)
    },
  })
  const receiving = receive().finally(() => {
    received = true
    bell.ring()
  })
  const keeping = keep()
  const keeper =
    options.synchronous &&
    keepSynchronous(options.synchronous, {
      standby: options.slot,
      clock,
      ...(options.onTrouble ? { onTrouble: options.onTrouble } : {}),
    })
  const synchronous = () => keeper?.state() ?? 'off'
  const lag = () => meter.lag(position(), streaming)

  const tell = async (state: WalStatus['state']) => {
    if (options.statusFile === undefined) return
    const { received: arrived, spooled, stored } = position()
    await writeWalStatus(options.statusFile, {
      at: clock.now(),
      pid: process.pid,
      slot: options.slot,
      state,
      timeline,
      positions: {
        server: formatLsn(meter.serverEnd()),
        received: formatLsn(arrived),
        spooled: formatLsn(spooled),
        stored: formatLsn(stored),
      },
      lag: lag(),
      newestMoment: archive.newestMark()?.at ?? null,
      trouble: troubles.present() ?? null,
      gap: lost ? { timeline: lost.timeline, from: formatLsn(lost.from), to: formatLsn(lost.to) } : null,
      synchronous: synchronous(),
    }).catch(() => undefined)
  }
  const telling = (async () => {
    while (!stopping.signal.aborted) {
      await tell(streaming ? 'streaming' : 'disconnected')
      await clock.sleep(statusEveryMs, stopping.signal).catch(() => undefined)
    }
  })()

  return {
    position,
    lag,
    gap: () => lost,
    synchronous,
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
              trouble: troubles.present()?.says ?? 'The receiver reports no trouble.',
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
      // Commits that may return without the receiver do so before it goes, not after a while.
      await keeper?.stop({ release: options.synchronous?.whenAway !== 'wait' })
      stopping.abort()
      await heart.stop()
      await receiving
      await keeping
      await telling
      await tell('stopped')
      await held.disposeAsync()
    },
  }
}

/** What an outage is, for people. */
function whatHappened(
  error: unknown,
  { removed, slot, spool, stored, url }: { removed: boolean; slot: string; spool: string; stored: Lsn; url: string },
) {
  if (removed) return failure('WAL_GAP', { after: formatLsn(stored) }, { cause: error })
  // Object in use: the server's words for a slot that somebody else streams from, with the process that serves them.
  if (sqlState(error) === '55006') {
    const sender = /PID (\d+)/.exec(messageOf(error))?.[1] ?? 'unknown'
    return failure('WAL_SLOT_BUSY', { slot, sender }, { cause: error })
  }
  if (isErrno(error, 'ENOSPC')) return failure('WAL_SPOOL_FULL', { spool }, { cause: error })
  return outageOf(error, url)
}
