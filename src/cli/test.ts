import { existsSync } from 'node:fs'
import { chmod, glob, mkdtemp, rm, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { availableMemory } from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { failure } from '../errors.ts'
import { startChild } from '../process.ts'
import { type CommandContext, type RegisterCommand, usage } from './command.ts'

/** What is checked before the tests of the whole repository, and with which program of node_modules. */
const checks = [
  { name: 'types', module: 'typescript/bin/tsc', args: [] },
  { name: 'style', module: '@biomejs/biome/bin/biome', args: ['ci', '--diagnostic-level=warn', '.'] },
  { name: 'unused code', module: 'knip/bin/knip.js', args: ['--no-progress'] },
] as const

/** Those of whole systems take longest and come first, so that no core waits for the last of them. */
const folders = ['test', 'systems', 'src', 'bench', 'scripts']

export const registerTest: RegisterCommand = (program, context) => {
  program
    .command('test')
    .argument('[paths...]', 'files or folders; everything, with types, style and unused code, when left out')
    .description("Checks and tests Aval's own repository.")
    .addHelpText(
      'after',
      `
Examples:
  aval test
  aval test src/ledger systems/medtime

Exit codes: 0 all passed, 1 something failed, 2 the command line is wrong.`,
    )
    .action(async (paths: string[]) => {
      const modules = join(context.home, 'node_modules')
      if (!existsSync(join(modules, 'typescript'))) {
        throw usage('test', "The tests come with Aval's repository, not with its package.")
      }
      const failed: string[] = []
      if (paths.length === 0) {
        for (const { name, module, args } of checks) {
          context.err(`${name}\n`)
          if (!(await passes([join(modules, module), ...args], context))) failed.push(name)
        }
      }
      const files = await testsBelow(
        paths.length === 0
          ? folders.map((folder) => join(context.home, folder))
          : paths.map((path) => resolve(context.cwd, path)),
      )
      if (files.length === 0) throw usage('test', 'There is no test below the paths given.')
      if (!(await testsPass(files, context))) failed.push('tests')
      if (failed.length > 0) {
        context.err(`Failed: ${failed.join(', ')}\n`)
        context.exitWith(1)
      }
    })
}

async function testsBelow(paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    if (path.endsWith('.test.ts')) found.push(path)
    else {
      const below: string[] = []
      for await (const name of glob('**/*.test.ts', { cwd: path, exclude: (entry) => entry.includes('node_modules') }))
        below.push(join(path, name))
      found.push(...below.sort())
    }
  }
  return found
}

/** By the runner's own function, since its command line puts files in the order of their names. */
async function testsPass(files: readonly string[], { home, signal, out }: CommandContext): Promise<boolean> {
  // Its reason has to be an error for the runner.
  const ended = new AbortController()
  const stop = () => ended.abort()
  signal.addEventListener('abort', stop, { once: true })
  await using place = await temporaryFiles()
  const told = run({
    files,
    cwd: home,
    // More than two cores: many tests wait for servers and services to start.
    concurrency: 3,
    timeout: 900_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, ...place.env },
    signal: ended.signal,
  })
  let success = false
  told.on('test:summary', (summary) => {
    // One comes for each file as well.
    if (summary.file === undefined) success = summary.success
  })
  for await (const text of told.compose(new spec())) out(String(text))
  signal.removeEventListener('abort', stop)
  if (signal.aborted) throw interrupted()
  return success
}

/** A file system in memory, and what has to be free of both before tests use it; they take some 2 GB. */
const memoryFolder = '/dev/shm'
const memoryBytes = 6 * 2 ** 30

/**
 * Where tests put their temporary files: in memory, where creating and syncing the thousands of files of a cluster costs a third less
 * time than on a disk. What a kill -9 leaves is the same in both; what a power failure leaves is no test's subject.
 */
async function temporaryFiles(): Promise<{ env: { TMPDIR?: string }; [Symbol.asyncDispose](): Promise<void> }> {
  const free = await statfs(memoryFolder).then(
    ({ bavail, bsize }) => Math.min(bavail * bsize, availableMemory()),
    () => 0,
  )
  if (process.env['TMPDIR'] !== undefined || free < memoryBytes)
    return { env: {}, [Symbol.asyncDispose]: async () => {} }
  const folder = await mkdtemp(join(memoryFolder, 'aval-'))
  // Servers of a root's tests run as another account.
  await chmod(folder, 0o1777)
  return { env: { TMPDIR: folder }, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

async function passes(args: readonly string[], context: CommandContext): Promise<boolean> {
  const child = await startChild({ program: process.execPath, args, cwd: context.home })
  const stop = () => child.signal('SIGTERM')
  context.signal.addEventListener('abort', stop, { once: true })
  child.process.stdout?.on('data', (chunk: Buffer) => context.out(chunk.toString()))
  child.process.stderr?.on('data', (chunk: Buffer) => context.err(chunk.toString()))
  const { code } = await child.ended
  context.signal.removeEventListener('abort', stop)
  if (context.signal.aborted) throw interrupted()
  return code === 0
}

function interrupted(): Error {
  return failure('PROCESS_FAILED', { program: 'the tests', outcome: 'an interruption', output: '' })
}
