import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { AvalError, failure } from '../errors.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { Guarantee } from '../plan/guarantee.ts'
import { runToEnd } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { engineSource, readSubjects } from '../prove/subject.ts'
import { serverVersionOf } from './server-version.ts'

/** What a project was at a commit, to compare its promises with. */
export interface Base {
  /** What was asked for, such as `origin/main`. */
  name: string
  /** Ids of the guarantees of a system whose subject is another now: the entry of the plan, the files it is about, or Aval itself. */
  changed(system: System, subjectOf: (guarantee: Guarantee) => string): Promise<ReadonlySet<string>>
}

/** What packages are installed, by the tools that install them: with another one anything may behave differently. */
const lockFiles = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'deno.lock']
const likelyBases = ['origin/HEAD', 'origin/main', 'main', 'origin/master', 'master']

/**
 * Lays out what a project was where the work of today branched off, in a temporary folder, for as long as `use` runs. Nothing of the repository is written
 * to, its index neither.
 * @param wanted a branch, tag or commit; `undefined` for the main branch
 * @throws BASE_UNKNOWN when there is no repository, no such commit, or no history that leads to it
 */
export async function withBase<T>(
  project: Project,
  wanted: string | undefined,
  use: (base: Base) => Promise<T>,
): Promise<T> {
  const git = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    runToEnd({ program: 'git', args, cwd: project.root, env: { ...process.env, ...env }, timeoutMs: 60_000 })
  const name = wanted ?? (await firstKnown(git))
  const refused = (reason: string) => failure('BASE_UNKNOWN', { base: name ?? 'the main branch', reason })
  if (name === undefined) throw refused(`none of ${likelyBases.join(', ')} is known here`)
  const found = await git(['merge-base', '--', name, 'HEAD'])
  if (found.code !== 0) throw refused(saidBy(found) || 'its history and that of HEAD never meet')
  const commit = found.stdout.trim()
  const { stdout: prefix } = await git(['rev-parse', '--show-prefix'])
  const folder = await mkdtemp(join(tmpdir(), 'aval-base-'))
  try {
    const root = join(folder, 'tree')
    const env = { GIT_INDEX_FILE: join(folder, 'index'), GIT_LFS_SKIP_SMUDGE: '1' }
    const tree = `${commit}:${prefix.trim()}`
    for (const args of [
      ['read-tree', tree],
      ['checkout-index', '--all', `--prefix=${root}/`],
    ]) {
      const laid = await git(args, env)
      if (laid.code !== 0) throw refused(saidBy(laid) || 'its files cannot be laid out')
    }
    for (const place of ['', ...project.systems.map((system) => join('systems', system))]) {
      const installed = join(project.root, place, 'node_modules')
      if (existsSync(installed) && existsSync(join(root, place)))
        await symlink(installed, join(root, place, 'node_modules'), 'dir')
    }
    const locks = await git(['diff', '--quiet', commit, '--', ...lockFiles.flatMap((lock) => [lock, `:(top)${lock}`])])
    const before = locks.code === 0 ? { ...project, root } : undefined
    const engine = engineAt(project, root)
    return await use({
      name,
      changed: (system, subjectOf) => changedGuarantees(system, subjectOf, before, engine),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function saidBy({ stderr }: { stderr: string }): string {
  return (stderr.trim().split('\n', 1)[0] ?? '').replace(/^fatal: /, '')
}

async function firstKnown(
  git: (args: readonly string[]) => Promise<{ code: number | null }>,
): Promise<string | undefined> {
  for (const name of likelyBases) {
    if ((await git(['rev-parse', '--verify', '--quiet', `${name}^{commit}`])).code === 0) return name
  }
  return undefined
}

async function changedGuarantees(
  system: System,
  subjectOf: (guarantee: Guarantee) => string,
  before: Project | undefined,
  engine: string,
): Promise<ReadonlySet<string>> {
  const guarantees = deriveGuarantees(system.plan)
  const former = before && (await subjectsOf(before, system, engine))
  return new Set(guarantees.filter((each) => former?.get(each.id) !== subjectOf(each)).map(({ id }) => id))
}

/** Digest of every guarantee a system had then, by id; undefined when it was none yet, or its plan could not be read. */
async function subjectsOf(before: Project, { name }: System, engine: string): Promise<Map<string, string> | undefined> {
  try {
    const system = await loadSystem(before, name)
    const subjectOf = await readSubjects(system, await serverVersionOf(system), engine)
    return new Map(deriveGuarantees(system.plan).map((each) => [each.id, subjectOf(each)]))
  } catch (error) {
    if (error instanceof AvalError) return undefined
    throw error
  }
}

/** Where the engines of then stand: a repository that holds Aval itself has them, any other names their version in its lock. */
function engineAt(project: Project, root: string): string {
  const inside = relative(project.root, engineSource)
  return inside.startsWith('..') || inside.includes('node_modules') ? engineSource : join(root, inside)
}
