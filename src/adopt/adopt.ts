import { lstat, mkdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { failure } from '../errors.ts'
import { type Findings, firstPlan } from './first-plan.ts'
import { readSurroundings, systemNameOf } from './read-repository.ts'
import { readSchema } from './read-schema.ts'
import { takeMigrations } from './take-migrations.ts'

export interface Adoption {
  findings: Findings
  /** Absolute. */
  planFile: string
  text: string
}

/**
 * Reads a repository and makes the first plan of it. Nothing of the repository is executed, and nothing written.
 * @param named name of the system; that of package.json or of the folder unless told
 * @param migrations folder of the migrations, relative to the root; found unless told
 * @throws INIT_NO_MIGRATIONS, INIT_EXISTS, INIT_OUTSIDE, and what reading migrations throws
 */
export async function adopt(
  root: string,
  named: string | undefined,
  migrations: string | undefined,
): Promise<Adoption> {
  const surroundings = await readSurroundings(root)
  const name = named === undefined ? surroundings.name : systemNameOf(named, root)
  const folder = join('systems', name)
  const planFile = join(root, folder, 'plan.ts')
  await refuseOutside(root, planFile)
  if (await isThere(planFile)) throw failure('INIT_EXISTS', { file: planFile })
  const taken = await takeMigrations(root, migrations)
  const schema = readSchema(taken.files.flatMap(({ statements }) => statements))
  const findings: Findings = { name, folder, migrations: taken, schema, surroundings }
  return { findings, planFile, text: firstPlan(findings) }
}

/**
 * Writes the plan, and keeps Aval's own folder, which holds keys, out of version control.
 * @returns the files that were written, absolute
 * @throws INIT_EXISTS, INIT_OUTSIDE
 */
export async function writePlan(root: string, { planFile, text }: Adoption): Promise<string[]> {
  const ignore = join(root, '.aval', '.gitignore')
  await refuseOutside(root, ignore)
  await mkdir(dirname(planFile), { recursive: true })
  if (!(await written(planFile, text))) throw failure('INIT_EXISTS', { file: planFile })
  await mkdir(dirname(ignore), { recursive: true })
  return (await written(ignore, '*\n')) ? [planFile, ignore] : [planFile]
}

/** @returns false where something is there already, which stays as it is */
async function written(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** A folder on the way may be a link that leads out of the repository. */
async function refuseOutside(root: string, file: string): Promise<void> {
  const inside = await realpath(root)
  let above = dirname(file)
  while (!(await isThere(above))) above = dirname(above)
  const real = await realpath(above).catch(() => undefined)
  if (real === undefined || (real !== inside && !real.startsWith(`${inside}${sep}`)))
    throw failure('INIT_OUTSIDE', { path: above, root })
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
