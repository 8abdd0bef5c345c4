import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runToEnd } from '../process.ts'

/** Runs git in a folder, by an identity of its own, and returns what it printed. */
export type Git = (...args: string[]) => Promise<string>

/** Makes a repository of a folder, with all that is in it committed on `main`. The state of Aval is left out. */
export async function gitRepository(root: string): Promise<Git> {
  const identity = ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.test', '-c', 'commit.gpgSign=false']
  const git: Git = async (...args) => {
    const { code, stdout, stderr } = await runToEnd({
      program: 'git',
      args: [...identity, ...args],
      cwd: root,
      timeoutMs: 20_000,
    })
    assert.equal(code, 0, stderr)
    return stdout
  }
  await writeFile(join(root, '.gitignore'), '.aval/\n')
  await git('init', '--quiet', '--initial-branch', 'main')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'Keep items')
  return git
}
