import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { markAlive, processMark } from '../process.ts'
import type { Project } from '../project/project.ts'
import type { Environment } from './environment.ts'

/*
 * What `up` tells other commands about the system it runs. The file holds credentials of a development database, so that
 * only its owner may read it.
 */

const runStateSchema = z.object({
  /** The Aval that runs it. */
  pid: z.object({ pid: z.int().positive(), started: z.string().nullable() }),
  /** The superuser on the system's database. */
  adminUrl: z.string(),
  /** The owner of its schema. */
  ownerUrl: z.string(),
  database: z.string(),
  /** Base address of each service. */
  addresses: z.record(z.string(), z.string()),
  /** Where the receiver keeps base backups and WAL; absent when none runs. */
  repository: z.string().optional(),
})

export type RunState = z.infer<typeof runStateSchema>

/** Where `up` keeps a system's development environment. */
export function developmentDirectory(project: Pick<Project, 'state'>, system: string): string {
  return join(project.state, system)
}

function runStateFile(project: Pick<Project, 'state'>, system: string): string {
  return join(developmentDirectory(project, system), 'run.json')
}

/** Writes what runs; whoever calls holds the environment. */
export function writeRunState(
  project: Pick<Project, 'state'>,
  environment: Pick<Environment, 'system' | 'database' | 'addresses'>,
  repository?: string,
): void {
  const { adminUrl, ownerUrl, name } = environment.database
  const state: RunState = {
    pid: processMark(process.pid),
    adminUrl,
    ownerUrl,
    database: name,
    addresses: environment.addresses(),
    ...(repository === undefined ? {} : { repository }),
  }
  const file = runStateFile(project, environment.system.name)
  const draft = `${file}.new`
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}

export function removeRunState(project: Pick<Project, 'state'>, system: string): void {
  rmSync(runStateFile(project, system), { force: true })
}

/** What runs of a system in development; undefined when nothing does, its owner died, or the file is no run state. */
export function readRunState(project: Pick<Project, 'state'>, system: string): RunState | undefined {
  try {
    const state = runStateSchema.parse(JSON.parse(readFileSync(runStateFile(project, system), 'utf8')))
    return markAlive(state.pid) ? state : undefined
  } catch {
    return undefined
  }
}
