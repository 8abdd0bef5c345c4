import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { messageOf } from '../errors.ts'
import { canonicalJson } from '../plan/canonical-json.ts'
import type { Guarantee, GuaranteeKind } from '../plan/guarantee.ts'
import type { Plan, PlanPath } from '../plan/plan.ts'
import { systemMigrations } from '../postgres/migrations/read.ts'
import type { System } from '../project/project.ts'

/** Sections of the plan that decide a verdict beside the guarantee's own entry. */
const sections: Record<GuaranteeKind, readonly (keyof Plan)[]> = {
  behaviour: ['services', 'database'],
  performance: ['services', 'database'],
  recovery: ['services', 'database', 'recovery'],
  integrity: ['database', 'recovery'],
  retention: ['recovery'],
  isolation: ['database'],
  migration: ['database'],
  blindness: ['services', 'telemetry'],
  limits: ['services', 'limits'],
  telemetry: ['services', 'telemetry'],
  alerts: ['telemetry', 'alerts', 'probes', 'incidents'],
  probes: ['services', 'telemetry', 'alerts', 'incidents'],
  runbooks: [],
}

/** Modules of Aval that carry every proof out: evidence made by other code is evidence of something else. */
const engines = ['postgres', 'recovery', 'run', 'prove']

/** Modules that only proofs of some kinds go through: a change to what watches leaves a proven restore as it is. */
const furtherEngines: Partial<Record<GuaranteeKind, readonly string[]>> = {
  alerts: ['watch', 'check/promql', 'receivers'],
  probes: ['watch', 'check/promql', 'receivers'],
  blindness: ['telemetry', 'receivers'],
  telemetry: ['telemetry', 'receivers'],
}

/** Folders below `src` with the code that a proof of this kind stands on. */
export function enginesOf(kind: GuaranteeKind): readonly string[] {
  return [...engines, ...(furtherEngines[kind] ?? [])]
}

const beside = new Set(['node_modules', 'test', 'runbooks', 'dist'])

/** Folder of Aval's own modules. */
export const engineSource = resolve(import.meta.dirname, '..')

/**
 * What verdicts of a system depend on, read once: its files and the engines of Aval.
 * @param source folder of the modules of the Aval that proves, or proved
 * @returns a function from guarantee to digest (SHA-256, hex); evidence with another digest is stale.
 */
export async function readSubjects(
  system: System,
  serverVersion: string,
  source = engineSource,
): Promise<(guarantee: Guarantee) => string> {
  const folders = new Set([engines, ...Object.values(furtherEngines)].flat())
  const [own, migrations, ...known] = await Promise.all([
    digestOfFolder(system.directory),
    digestOfMigrations(system),
    ...Array.from(folders, async (name): Promise<[string, string]> => [name, await digestOfFolder(join(source, name))]),
  ])
  const digests = new Map(known)
  // Only a proof of a runbook depends on its words.
  const words = new Map<string, string>()
  for (const [name, { file }] of Object.entries(system.plan.runbooks))
    words.set(name, sha256(await readFile(join(system.directory, file)).catch(() => '')))
  return (guarantee) =>
    sha256(
      canonicalJson({
        ...(guarantee.kind === 'runbooks' ? { words: words.get(guarantee.subject) ?? '' } : {}),
        entry: entryAt(system.plan, guarantee.path),
        target: guarantee.target,
        sections: sections[guarantee.kind].map((name) => system.plan[name] ?? null),
        files: own,
        migrations,
        engine: enginesOf(guarantee.kind).map((name) => digests.get(name)),
        serverVersion,
      }),
    )
}

/** They may lie outside of the folder of the plan. What cannot be read decides as well, by its error. */
async function digestOfMigrations({ directory, plan }: System): Promise<string[]> {
  if (plan.database === undefined) return []
  try {
    return (await systemMigrations(directory, plan.database.migrations)).map(({ id, checksum }) => `${id} ${checksum}`)
  } catch (error) {
    return [messageOf(error)]
  }
}

function entryAt(plan: Plan, path: PlanPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== 'object' || value === null) return undefined
    return Object.entries(value).find(([key]) => key === String(step))?.[1]
  }, plan)
}

/** SHA-256 over names and contents of the sources below a folder; tests, documents and the plan itself do not count. */
async function digestOfFolder(folder: string): Promise<string> {
  // An Aval of long ago had not every module of today.
  if (!existsSync(folder)) return ''
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(
      (entry) =>
        entry.isFile() && /\.([cm]?[jt]sx?|sql|json|toml|prisma)$/.test(entry.name) && !/\.test\.\w+$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) =>
        !relative(folder, file)
          .split('/')
          .some((part) => beside.has(part)),
    )
    .filter((file) => relative(folder, file) !== 'plan.ts')
    .sort()
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(relative(folder, file))
      .update('\0')
      .update(sha256(await readFile(file)))
  return hash.digest('hex')
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
