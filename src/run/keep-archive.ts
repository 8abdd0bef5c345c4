import type { Clock } from '../clock.ts'
import { AvalError, describeError, failure, messageOf } from '../errors.ts'
import { outageOf } from '../postgres/connection.ts'
import type { Project } from '../project/project.ts'
import { slotName } from '../recovery/wal/wal-receiver.ts'
import { neverReceived, readWalStatus, writeWalStatus } from '../recovery/wal/wal-status.ts'
import { walStatusFile } from './archive.ts'
import type { Environment } from './environment.ts'
import type { OpenKeys } from './kept-keys.ts'
import { type EnvironmentProtection, startProtection } from './protection.ts'

export interface KeptArchive {
  /** Why nothing is stored; undefined while the archive runs. What it meets while it runs is in its status file. */
  trouble(): unknown
  /** Lets it follow the server that is the primary now. */
  restart(): Promise<void>
  stop(): Promise<void>
}

interface Options {
  project: Pick<Project, 'state'>
  environment: Environment
  clock: Clock
  log(line: string): void
  keys: OpenKeys
  /** Hears when an archive that could not be started runs. */
  onStarted(): void
}

const firstPauseMs = 2_000
const longestPauseMs = 60_000
/** How often it is said again that nothing is stored. */
const sayAgainMs = 5 * 60_000

/**
 * Runs the archive of a system, and tries again for as long as it cannot be started. The system runs all the same; that nothing of it is stored is
 * said aloud, again and again, and stands in the status file for other commands.
 * @returns after the first attempt, whatever came of it.
 */
export async function keepArchive(options: Options): Promise<KeptArchive> {
  const { clock, environment, log } = options
  const stopping = new AbortController()
  let running: EnvironmentProtection | undefined
  let failed: { error: unknown; since: number; code: string; saidAt: number } | undefined
  const attempt = async () => {
    if (stopping.signal.aborted || running) return
    try {
      running = await startProtection(options)
      if (failed) log('archive | it stores again')
      failed = undefined
    } catch (thrown) {
      const error = outageOf(thrown, environment.server.url())
      const code = codeOf(error)
      const now = clock.now()
      const say = failed?.code !== code || now - failed.saidAt >= sayAgainMs
      failed = { error, code, since: failed?.since ?? now, saidAt: say ? now : (failed?.saidAt ?? now) }
      if (say)
        log(`archive | ${describeError(error)}\narchive | NOTHING IS STORED until this is mended; it is tried again`)
      await noteNotStoring(options, error, failed.since)
    }
  }
  let turn = Promise.resolve()
  /** One at a time: a server that changes and an attempt must not start two receivers. */
  const inTurn = (work: () => Promise<void>) => {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine
  }
  await inTurn(attempt)
  const watch = async () => {
    let pause = firstPauseMs
    while (!stopping.signal.aborted) {
      await clock.sleep(pause, stopping.signal).catch(() => undefined)
      pause = running ? firstPauseMs : Math.min(2 * pause, longestPauseMs)
      if (running) continue
      await inTurn(attempt)
      if (running && !stopping.signal.aborted) options.onStarted()
    }
  }
  const watching = watch()
  return {
    trouble: () => failed?.error,
    restart: () =>
      inTurn(async () => {
        const former = running
        running = undefined
        await former?.stop()
        await attempt()
      }),
    stop: async () => {
      stopping.abort()
      await watching
      await turn
      await running?.stop()
    },
  }
}

/** Tells other commands that nothing is stored, where the engine of the plan streams WAL; what was stored before stays told. */
export async function noteNotStoring(
  { project, environment, clock }: Pick<Options, 'project' | 'environment' | 'clock'>,
  error: unknown,
  since: number,
): Promise<void> {
  const { system } = environment
  if (system.plan.recovery.engine !== 'native') return
  const file = walStatusFile(project, system.name)
  const slot = slotName(system.name)
  const last = (await readWalStatus(file).catch(() => undefined)) ?? neverReceived(slot)
  await writeWalStatus(file, {
    ...last,
    at: clock.now(),
    pid: process.pid,
    state: 'stopped',
    trouble: { code: codeOf(error), since, says: messageOf(error) },
    synchronous: 'off',
  }).catch(() => undefined)
}

/** Leaves the archive out on purpose, and has it told like every other reason for which nothing is stored. */
export async function withoutArchive(
  options: Pick<Options, 'project' | 'environment' | 'clock'>,
): Promise<KeptArchive> {
  const error = failure('ARCHIVE_OFF', { system: options.environment.system.name })
  await noteNotStoring(options, error, options.clock.now())
  return { trouble: () => error, restart: async () => undefined, stop: async () => undefined }
}

function codeOf(error: unknown): string {
  return error instanceof AvalError ? error.code : 'UNEXPECTED'
}
