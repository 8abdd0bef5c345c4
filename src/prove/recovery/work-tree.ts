import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { runToEnd } from '../../process.ts'
import { ScenarioUnready } from './scenario-error.ts'

/** A git work tree, and where in it a folder lies. */
export interface WorkTree {
  root: string
  folder: string
}

/** The work tree that a folder belongs to. @throws ScenarioUnready when there is none, or no git. */
export async function workTreeOf(directory: string): Promise<WorkTree> {
  const place = await realpath(directory)
  const found = await git(['-C', place, 'rev-parse', '--show-toplevel'])
  const root = found.stdout.trim()
  if (found.code !== 0 || root === '')
    throw new ScenarioUnready('The folder of the system is in no git work tree, so there is nothing to clone')
  const tracked = await git(['-C', place, 'ls-files', '--error-unmatch', 'plan.ts'])
  if (tracked.code !== 0)
    throw new ScenarioUnready('The plan of the system is not committed, so no clone would have it')
  return { root, folder: relative(await realpath(root), place) }
}

/** Runs git as this account does, also in a folder that another account owns. */
export async function git(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  try {
    return await runToEnd({ program: 'git', args: ['-c', 'safe.directory=*', ...args], timeoutMs: 120_000 })
  } catch (cause) {
    throw new ScenarioUnready('git is not installed', { cause })
  }
}
