import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { killServer } from '../../postgres/leftover.ts'
import { reachable, temporaryPlace } from '../../postgres/place.ts'
import { serverProcesses } from '../../postgres/server-processes.ts'
import { type Child, killGroup, startChild } from '../../process.ts'
import type { Project, System } from '../../project/project.ts'
import { developmentDirectory, type RunState, readRunState } from '../../run/run-state.ts'

/** What a crash test kills. `command` is the Aval of a backup or a restore; `up` the Aval that runs the system. */
export type Victim = 'up' | 'command' | 'postgres' | 'service'

/** The real command line on a project of its own: the processes that are killed are those people run. */
export interface Rig {
  project: Project
  /** Starts `aval up` unless it runs, and resolves once the system answers. */
  up(): Promise<RunState>
  /** Starts a command and leaves it running. */
  command(...args: string[]): Promise<Child>
  /** Runs a command to its end. */
  run(...args: string[]): Promise<{ code: number | null; output: string }>
  /** kill -9, at once. False when there was nothing to kill. */
  kill(victim: Exclude<Victim, 'command'>): Promise<boolean>
  /**
   * Resolves once a server that began after the moment takes connections. Backends outlive a killed postmaster and answer for a while:
   * that somebody answers does not say that the server is back.
   */
  serverBackAfter(moment: number): Promise<void>
  /** Stops what still runs and removes the project. */
  dispose(): Promise<void>
}

const marksSchema = z.object({ services: z.array(z.object({ mark: z.object({ pid: z.int() }) })) })
const startWithinMs = 90_000

/** @param aval how this Aval is called: program and first arguments. */
export async function buildRig(options: {
  system: System
  aval: readonly [string, ...string[]]
  clock: Clock
}): Promise<Rig> {
  const { system, clock } = options
  const place = await temporaryPlace('aval-crash-')
  const root = place.path
  await mkdir(join(root, 'systems'))
  await symlink(system.directory, join(root, 'systems', system.name))
  const project: Project = { root, state: join(root, '.aval'), systems: [system.name] }
  const directory = developmentDirectory(project, system.name)
  const [program, ...first] = options.aval
  let running: Child | undefined
  let said = ''

  const command = (...args: string[]) =>
    startChild({ program, args: [...first, ...args], cwd: root, env: { ...process.env, CI: '1' } })
  const listen = (child: Child, hear: (text: string) => void) => {
    for (const stream of [child.process.stdout, child.process.stderr])
      stream?.on('data', (chunk: Buffer) => hear(chunk.toString()))
  }
  const dataDirectory = () => reachable(join(directory, 'database'))
  const servicePids = async () => {
    const text = await readFile(join(directory, 'services.json'), 'utf8').catch(() => '')
    const parsed = text === '' ? undefined : marksSchema.safeParse(JSON.parse(text))
    return parsed?.success ? parsed.data.services.map((service) => service.mark.pid) : []
  }

  return {
    project,
    command,
    up: async () => {
      if (running === undefined || running.process.exitCode !== null || running.process.signalCode !== null) {
        said = ''
        // As provers run systems: clients that meet a limit of requests wait out most of a soak and write nothing.
        running = await command('up', system.name, '--scratch')
        listen(running, (text) => {
          said = (said + text).slice(-8_000)
        })
      }
      const deadline = clock.now() + startWithinMs
      for (;;) {
        const state = readRunState(project, system.name)
        if (state) return state
        if (running.process.exitCode !== null)
          throw new Error(`aval up ended with ${running.process.exitCode}:\n${said}`)
        if (clock.now() > deadline) throw new Error(`aval up did not start within ${startWithinMs} ms:\n${said}`)
        await clock.sleep(50)
      }
    },
    run: async (...args) => {
      const child = await command(...args)
      let output = ''
      listen(child, (text) => {
        output += text
      })
      const { code } = await child.ended
      return { code, output }
    },
    kill: async (victim) => {
      if (victim === 'up') {
        if (running === undefined) return false
        killGroup(running.pid, 'SIGKILL')
        await running.ended
        return true
      }
      const pids =
        victim === 'service'
          ? await servicePids()
          : (await serverProcesses(await dataDirectory()))
              .filter(({ role }) => role === 'postmaster')
              .map(({ pid }) => pid)
      const pid = pids.at(-1)
      if (pid === undefined) return false
      try {
        process.kill(pid, 'SIGKILL')
        return true
      } catch (error) {
        if (messageOf(error).includes('ESRCH')) return false
        throw error
      }
    },
    serverBackAfter: async (moment) => {
      const deadline = clock.now() + startWithinMs
      for (;;) {
        const state = readRunState(project, system.name)
        const began = state && (await postmasterBegan(state.adminUrl).catch(() => undefined))
        if (began !== undefined && began > moment) return
        if (clock.now() > deadline) throw new Error(`no server began within ${startWithinMs} ms after it was killed`)
        await clock.sleep(50)
      }
    },
    dispose: async () => {
      await running?.stop({ graceMs: 20_000 })
      for (const pid of await servicePids()) killGroup(pid, 'SIGKILL')
      const data = await dataDirectory()
      await killServer(data, clock)
      await rm(data, { recursive: true, force: true })
      await place.remove()
    },
  }
}

/** When the postmaster behind a connection began, milliseconds since the epoch. */
async function postmasterBegan(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query('SELECT extract(epoch FROM pg_postmaster_start_time()) * 1000 AS at')
    return beganSchema.parse(rows[0]).at
  })
}

const beganSchema = z.object({ at: z.coerce.number() })
