import type { Clock } from '../clock.ts'
import { describeError, failure } from '../errors.ts'
import { type Child, type Ending, killGroup, startChild } from '../process.ts'
import { type RestartPolicy, restartDelay } from './backoff.ts'
import { type Readiness, waitUntilReady } from './readiness.ts'
import type { ServiceLog } from './service-log.ts'
import type { ServiceMarks } from './service-marks.ts'

/** `waiting`: it ended unasked and will be started again. `crash-loop`: the same, often enough to be reported. */
export type ServiceState = 'starting' | 'ready' | 'waiting' | 'crash-loop' | 'stopped'

export interface ServiceOptions {
  name: string
  command: readonly string[]
  cwd: string
  env: Record<string, string>
  /** Ready path with host and port; undefined when the plan names none. */
  readyUrl: string | undefined
  readyWithinMs: number
  restart: RestartPolicy
  stopWithinMs: number
  clock: Clock
  log: ServiceLog
  marks: ServiceMarks
  /** Ends the waiting for the first readiness. */
  signal: AbortSignal
}

/** One process kept alive. */
export interface RunningService {
  name: string
  state(): ServiceState
  /** The present process; undefined between two of them. */
  pid(): number | undefined
  /** How often it was started again since it was first ready. */
  restarts(): number
  /** Ends it for good. Never rejects; a second call waits for the first. */
  stop(): Promise<void>
}

/**
 * Starts a service and waits until it is ready for the first time; from then on a process that ends is started again.
 * @throws SERVICE_DIED_STARTING when the first process ends, SERVICE_NOT_READY when it takes too long, the signal's reason
 * when aborted; nothing is left running then.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { name, clock, log, marks, restart } = options
  const stopping = new AbortController()
  let state: ServiceState = 'starting'
  let current: Child | undefined
  let restarts = 0

  const launch = async (signal: AbortSignal): Promise<{ child: Child; readiness: Readiness }> => {
    log.clear()
    const [program = '', ...args] = options.command
    const child = await startChild({
      // The Node that runs Aval, whatever PATH holds.
      program: program === 'node' ? process.execPath : program,
      args,
      cwd: options.cwd,
      env: options.env,
    })
    current = child
    log.follow(child.process.stdout)
    log.follow(child.process.stderr)
    // What the process started itself must not keep its port or its pipes once it is gone.
    child.process.once('exit', () => killGroup(child.pid, 'SIGKILL'))
    void child.ended.then(() => {
      marks.remove(child.pid)
      if (current === child) current = undefined
    })
    const running = () => child.process.exitCode === null && child.process.signalCode === null
    try {
      marks.add(name, child.pid)
      const readiness = await waitUntilReady({
        url: options.readyUrl,
        running,
        timeoutMs: options.readyWithinMs,
        clock,
        signal,
      })
      if (readiness.outcome === 'late') await child.stop({ graceMs: options.stopWithinMs })
      if (readiness.outcome === 'ended') await child.ended
      return { child, readiness }
    } catch (error) {
      await child.stop({ graceMs: options.stopWithinMs })
      throw error
    }
  }

  /** One more attempt; the process when it became ready, undefined when it did not and that was said. */
  const relaunch = async (): Promise<Child | undefined> => {
    try {
      state = 'starting'
      const { child, readiness } = await launch(stopping.signal)
      if (readiness.outcome === 'ready') return child
      if (readiness.outcome === 'late') {
        log.say(`[aval] not ready within ${options.readyWithinMs / 1000} s (${readiness.last})`)
      } else {
        log.say(`[aval] ended with ${inWords(await child.ended)} before it was ready`)
      }
    } catch (error) {
      if (!stopping.signal.aborted) log.say(`[aval] ${describeError(error)}`)
    }
    return undefined
  }

  const keepAlive = async (first: Child): Promise<void> => {
    let child: Child | undefined = first
    let crashes = 0
    for (;;) {
      if (child) {
        state = 'ready'
        const readySince = clock.now()
        const ending = await child.ended
        if (stopping.signal.aborted) return
        if (clock.now() - readySince >= restart.steadyMs) crashes = 0
        log.say(`[aval] ended with ${inWords(ending)}`)
      }
      crashes += 1
      state = crashes >= restart.loopAfter ? 'crash-loop' : 'waiting'
      const delay = restartDelay(restart, crashes)
      if (crashes === restart.loopAfter) {
        log.say(`[aval] crash loop: ${crashes} ends in a row; its last words were:\n    ${log.lastWords()}`)
      }
      log.say(`[aval] starting again in ${delay / 1000} s`)
      try {
        await clock.sleep(delay, stopping.signal)
      } catch {
        return
      }
      restarts += 1
      child = await relaunch()
      if (stopping.signal.aborted) return
    }
  }

  const { child, readiness } = await launch(options.signal)
  if (readiness.outcome === 'ended') {
    const outcome = inWords(await child.ended)
    throw failure('SERVICE_DIED_STARTING', { service: name, outcome, output: log.lastWords() })
  }
  if (readiness.outcome === 'late') {
    throw failure('SERVICE_NOT_READY', {
      service: name,
      url: options.readyUrl ?? '',
      seconds: options.readyWithinMs / 1000,
      last: readiness.last,
      output: log.lastWords(),
    })
  }
  const kept = keepAlive(child)

  return {
    name,
    state: () => state,
    pid: () => current?.pid,
    restarts: () => restarts,
    stop: async () => {
      stopping.abort()
      await current?.stop({ graceMs: options.stopWithinMs })
      await kept
      state = 'stopped'
    },
  }
}

function inWords({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`
}
