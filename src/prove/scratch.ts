import { randomBytes } from 'node:crypto'
import { glob, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { killServer } from '../postgres/leftover.ts'
import { reachable, removeReachable } from '../postgres/place.ts'
import { markAlive, processMark } from '../process.ts'
import type { System } from '../project/project.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { reapServices } from '../run/service-marks.ts'
import { openTelemetryEnds, type TelemetryEnds } from './blindness/telemetry-ends.ts'

/** A place of its own for proofs: nothing in it is ever where `up` keeps data, and nothing of it stays behind. */
export interface Scratch {
  directory: string
  /** The system, started on first use and shared by the proofs of a run. */
  environment(): Promise<Environment>
  /** From now on every line that the environment logs is told as well. @returns what ends that */
  hear(listener: (line: string) => void): () => void
  /** What the services of the environment sent of themselves beside metrics and logs. */
  telemetry: Pick<TelemetryEnds, 'spans' | 'lines' | 'reports' | 'refuseAll'>
  /** Stops everything and removes the directory. */
  dispose(): Promise<void>
}

const ownerSchema = z.strictObject({
  directory: z.string(),
  process: z.strictObject({ pid: z.int(), started: z.string().nullable() }),
})

export async function createScratch(options: {
  system: System
  /** The project's state folder. */
  state: string
  clock: Clock
  log: (line: string) => void
  afterMigration?: (ownerUrl: string) => Promise<void>
  serviceEnvironment?: Record<string, Record<string, string>>
  signal?: AbortSignal
}): Promise<Scratch> {
  const home = join(options.state, 'scratch')
  await reapAbandoned(home, options.clock, options.log)
  const directory = await reachable(join(home, randomBytes(4).toString('hex')))
  await mkdir(directory, { recursive: true })
  const mark = join(home, `${randomBytes(4).toString('hex')}.owner.json`)
  await mkdir(home, { recursive: true })
  await writeFile(
    mark,
    JSON.stringify({ directory, process: processMark(process.pid) } satisfies z.infer<typeof ownerSchema>),
    { mode: 0o600 },
  )

  const ends = await openTelemetryEnds(options.system.plan)
  let started: Promise<Environment> | undefined
  const listeners = new Set<(line: string) => void>()
  return {
    directory,
    telemetry: ends,
    hear: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    environment: () => {
      started ??= startEnvironment({
        system: options.system,
        directory: join(directory, 'environment'),
        environment: 'scratch',
        clock: options.clock,
        log: (line) => {
          for (const listener of listeners) listener(line)
          options.log(line)
        },
        ...(options.afterMigration === undefined ? {} : { afterMigration: options.afterMigration }),
        serviceEnvironment: merged(ends.environment, options.serviceEnvironment ?? {}),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
      return started
    },
    dispose: async () => {
      const environment = await started?.catch(() => undefined)
      await environment?.stop()
      await ends.close()
      await removeReachable(directory)
      await rm(mark, { force: true })
    },
  }
}

function merged(
  one: Readonly<Record<string, Record<string, string>>>,
  other: Readonly<Record<string, Record<string, string>>>,
): Record<string, Record<string, string>> {
  const services = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries([...services].map((service) => [service, { ...one[service], ...other[service] }]))
}

/** Ends and removes what a killed run left: its services by their marks, its servers by their data directories. */
async function reapAbandoned(home: string, clock: Clock, log: (line: string) => void): Promise<void> {
  const names = await readdir(home).catch(() => [])
  for (const name of names.filter((each) => each.endsWith('.owner.json'))) {
    const file = join(home, name)
    const owner = ownerSchema.safeParse(JSON.parse(await readFile(file, 'utf8')))
    if (!owner.success || markAlive(owner.data.process)) continue
    const { directory } = owner.data
    await reapServices(join(directory, 'environment', 'services.json'), clock, log)
    const clusters = glob('**/PG_VERSION', { cwd: directory, exclude: (path) => path.includes('/base/') })
    for await (const found of clusters) await killServer(dirname(join(directory, found)), clock)
    await removeReachable(directory)
    await rm(file, { force: true })
    log('removed what a run that was killed had left')
  }
}
