import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A project with one of the systems in it, so that its ledger and its scratch environments are nobody else's. */
export interface OwnProject {
  root: string
  remove(): Promise<void>
}

export async function projectOf(system: string): Promise<OwnProject> {
  const root = await mkdtemp(join(tmpdir(), 'aval-of-'))
  // The account that servers run as, when the tests run as root, must be able to pass.
  await chmod(root, 0o755)
  await mkdir(join(root, 'systems'))
  await symlink(resolve(import.meta.dirname, '../systems', system), join(root, 'systems', system))
  return { root, remove: () => rm(root, { recursive: true, force: true }) }
}
