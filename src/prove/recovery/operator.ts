import { existsSync } from 'node:fs'
import { cp, lstat, mkdir, readdir, readlink, symlink, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { runToEnd } from '../../process.ts'
import type { Project, System } from '../../project/project.ts'
import { developmentDirectory } from '../../run/run-state.ts'

/** Where this Aval's command line begins; the provers call it as a person would, and import nothing of it. */
export const commandLine = resolve(import.meta.dirname, '../../cli/main.ts')

/** A command as it was carried out. */
export interface Command {
  /** As a person would have typed it, with every placeholder filled. */
  typed: string
  code: number | null
  output: string
}

/**
 * A person at the keyboard: a project of its own, in which the commands of a plan run as they are written. The site under test
 * keeps its repository, key and spool where `aval up` would, so that no command needs an option that the plan does not name.
 */
export interface Operator {
  project: Project
  /** Folder of the system's development environment in the project. */
  directory: string
  /** How Aval is called: program and first arguments. */
  program: readonly [string, ...string[]]
  /** Folder of the system in the project: links to the system's own files, each of which can be replaced by another. */
  system: string
  /**
   * Runs a command line of the plan that begins with `aval` or `./aval`.
   * @param fill what stands for each placeholder, such as DIRECTORY
   * @param codes exit codes that are no failure; 0 alone unless told
   * @throws when it ends with another code, with its last words.
   */
  aval(command: string, fill?: Readonly<Record<string, string>>, codes?: readonly number[]): Promise<Command>
}

export async function makeOperator(options: {
  system: System
  /** Folder that is made for it. */
  root: string
}): Promise<Operator> {
  const { system, root } = options
  const own = join(root, 'systems', system.name)
  await mkdir(own, { recursive: true })
  for (const name of await readdir(system.directory)) await symlink(join(system.directory, name), join(own, name))
  await linkMigrationsBeside(system, root, own)
  return operatorOf(root, system.name, own, commandLine)
}

/** Migrations may stand beside the folder of the plan, wherever in its project; they are found from the operator's by the same way. */
async function linkMigrationsBeside({ directory, plan }: System, root: string, own: string): Promise<void> {
  const named = plan.database?.migrations.directory
  const there = named === undefined ? own : resolve(own, named)
  if (named === undefined || there.startsWith(`${own}/`) || !there.startsWith(`${root}/`)) return
  await mkdir(dirname(there), { recursive: true })
  await symlink(resolve(directory, named), there)
}

/** An operator in the clone of a project, who gives the commands that the clone brings. */
export async function operatorAt(options: { root: string; system: string; folder: string }): Promise<Operator> {
  const { root, system, folder } = options
  const own = join(root, 'src/cli/main.ts')
  // A project that only has systems in it is served by whatever Aval is installed.
  return operatorOf(root, system, join(root, folder), existsSync(own) ? own : commandLine)
}

async function operatorOf(root: string, name: string, system: string, main: string): Promise<Operator> {
  const project: Project = { root, state: join(root, '.aval'), systems: [name] }
  const directory = developmentDirectory(project, name)
  await mkdir(directory, { recursive: true })
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', main] as const
  return {
    project,
    directory,
    program,
    system,
    aval: (command, fill = {}, codes = [0]) => runAval(program, root, command, fill, codes),
  }
}

async function runAval(
  [program, ...first]: readonly [string, ...string[]],
  cwd: string,
  command: string,
  fill: Readonly<Record<string, string>>,
  codes: readonly number[],
): Promise<Command> {
  if (!isAval(command)) throw new Error(`"${command}" is no command of Aval`)
  const args = wordsOf(command)
    .slice(1)
    .map((word) => word.replace(/[A-Z]{3,}/g, (name) => fill[name] ?? name))
  const { code, stdout, stderr } = await runToEnd({
    program,
    args: [...first, ...args],
    cwd,
    env: { ...process.env, CI: '1', NO_COLOR: '1' },
    timeoutMs: 600_000,
  })
  const typed = ['aval', ...args].join(' ')
  if (code === null || !codes.includes(code)) {
    const said = (stderr.trim() || stdout.trim()).split('\n').slice(-4).join(' | ')
    throw new Error(`${typed} ended with ${code}: ${said}`)
  }
  return { typed, code, output: stdout }
}

/**
 * Gives a folder of the operator's system files of its own, in place of the link to the system's: whatever is written there then never
 * reaches the sources of the system.
 * @param path relative to the folder of the system.
 */
export async function ownFolder({ system }: Operator, path: string): Promise<string> {
  let at = system
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  for (const [depth, name] of names.entries()) {
    at = join(at, name)
    if (!(await lstat(at)).isSymbolicLink()) continue
    const source = await readlink(at)
    await unlink(at)
    if (depth === names.length - 1) {
      await cp(source, at, { recursive: true })
    } else {
      await mkdir(at)
      for (const entry of await readdir(source)) await symlink(join(source, entry), join(at, entry))
    }
  }
  return at
}

/** Whether a command of the plan is one of Aval's, and so can be carried out as it is written. */
export function isAval(command: string | undefined): command is string {
  return command !== undefined && /^(\.\/)?aval\s/.test(command)
}

/** Words of a command line, quotes taken off; nothing is expanded. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  )
}
