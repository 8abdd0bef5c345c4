import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** A project in a folder of its own, removed at the end of `await using`. Paths of files are relative to its root. */
export interface TemporaryProject extends AsyncDisposable {
  root: string
}

/** @param installed whether `aval` stands in its node_modules, as after `npm install`. */
export async function temporaryProject(
  files: Readonly<Record<string, string>>,
  { installed = false }: { installed?: boolean } = {},
): Promise<TemporaryProject> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'aval-project-')))
  if (installed) {
    await mkdir(join(root, 'node_modules'))
    await symlink(resolve(import.meta.dirname, '../..'), join(root, 'node_modules/aval'), 'dir')
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

/** The text of a plan with these members, given as they are written. */
export function planText(members: string): string {
  return `import { definePlan } from 'aval'\n\nexport default definePlan({\n${members}\n})\n`
}
