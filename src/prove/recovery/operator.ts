import { mkdir, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
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
  /**
   * Runs a command line of the plan that begins with `aval` or `./aval`.
   * @param fill what stands for each placeholder, such as DIRECTORY
   * @param more arguments that the plan does not name
   * @throws when it ends with another code than 0, with its last words.
   */
  aval(command: string, fill?: Readonly<Record<string, string>>, more?: readonly string[]): Promise<Command>
}

export async function makeOperator(options: {
  system: System
  /** Folder that is made for it. */
  root: string
  /** Variables of the commands beyond those of this process. */
  environment?: Readonly<Record<string, string>>
}): Promise<Operator> {
  const { system, root } = options
  await mkdir(join(root, 'systems'), { recursive: true })
  await symlink(system.directory, join(root, 'systems', system.name))
  const project: Project = { root, state: join(root, '.aval'), systems: [system.name] }
  const directory = developmentDirectory(project, system.name)
  await mkdir(directory, { recursive: true })
  return {
    project,
    directory,
    aval: (command, fill, more) => runAval({ cwd: root, main: commandLine, command, fill, more, ...options }),
  }
}

/** Runs a command line of Aval in a folder, by the `main` given: the clone of a project has its own. */
export async function runAval(options: {
  cwd: string
  main: string
  command: string
  fill?: Readonly<Record<string, string>> | undefined
  more?: readonly string[] | undefined
  environment?: Readonly<Record<string, string>>
}): Promise<Command> {
  const [program = '', ...words] = wordsOf(options.command)
  if (!isAval(options.command)) throw new Error(`"${program}" is no command of Aval`)
  const fill = options.fill ?? {}
  const args = [...words.map((word) => fill[word] ?? word), ...(options.more ?? [])]
  const { code, stdout, stderr } = await runToEnd({
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', options.main, ...args],
    cwd: options.cwd,
    env: { ...process.env, CI: '1', NO_COLOR: '1', ...options.environment },
    timeoutMs: 600_000,
  })
  const typed = ['aval', ...args].join(' ')
  if (code !== 0) {
    const said = (stderr.trim() || stdout.trim()).split('\n').slice(-4).join(' | ')
    throw new Error(`${typed} ended with ${code}: ${said}`)
  }
  return { typed, code, output: stdout }
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
