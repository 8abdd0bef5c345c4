import { runToEnd } from '../process.ts'

/** The commit checked out in a folder, hex; null where there is no repository or no git. */
export async function commitOf(folder: string): Promise<string | null> {
  return revisionOf(folder, 'HEAD')
}

/** The root of the repository a folder is in; null where there is no repository or no git. */
export async function repositoryOf(folder: string): Promise<string | null> {
  return revisionOf(folder, '--show-toplevel')
}

async function revisionOf(folder: string, what: string): Promise<string | null> {
  try {
    const { code, stdout } = await runToEnd({
      program: 'git',
      args: ['rev-parse', what],
      cwd: folder,
      timeoutMs: 5_000,
    })
    return code === 0 ? stdout.trim() : null
  } catch {
    return null
  }
}
