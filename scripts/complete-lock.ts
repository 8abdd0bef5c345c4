/**
 * npm leaves optional packages of other platforms out of the lock file when the registry it asked does not carry them, and
 * `npm ci` then refuses the lock. This puts them back: name, version and platform, which is all that a machine of another
 * platform needs to skip them and one of theirs to fetch them.
 *
 *   node scripts/complete-lock.ts            completes package-lock.json
 *   node scripts/complete-lock.ts --check    fails when something is missing
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const file = join(resolve(import.meta.dirname, '..'), 'package-lock.json')
const entrySchema = z.looseObject({
  version: z.string().optional(),
  dev: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
})
const lockSchema = z.looseObject({ packages: z.record(z.string(), entrySchema) })
type Entry = z.infer<typeof entrySchema>

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

const lock = lockSchema.parse(JSON.parse(await readFile(file, 'utf8')))
const missing = Object.entries(lock.packages).flatMap(([path, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name]) => !isLocked(path, name))
    .map(([name, version]) => ({ name, entry: absent(name, version, parent) })),
)
if (process.argv.includes('--check')) {
  if (missing.length > 0) {
    console.error(
      `package-lock.json lacks ${missing.map(({ name }) => name).join(', ')}: run node scripts/complete-lock.ts`,
    )
    process.exitCode = 1
  }
} else {
  for (const { name, entry } of missing) lock.packages[`node_modules/${name}`] = entry
  const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  await writeFile(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
  console.log(`${missing.length} entries added`)
}

/** Whether a package is locked where its parent would find it: below the parent, or further up. */
function isLocked(parent: string, name: string): boolean {
  if (lock.packages[`${parent === '' ? '' : `${parent}/`}node_modules/${name}`]) return true
  const up = parent.lastIndexOf('node_modules/')
  return up < 0 ? false : isLocked(parent.slice(0, up).replace(/\/$/, ''), name)
}

/** A platform package is named after its platform; one that is not is left to npm to try and do without. */
function absent(name: string, version: string, parent: Entry): Entry {
  const parts = (name.split('/').at(-1) ?? name).split('-')
  const os = systems.filter((system) => parts.includes(system))
  const cpu = processors.filter((processor) => parts.includes(processor))
  return {
    version,
    ...(os.length === 0 ? {} : { os }),
    ...(cpu.length === 0 ? {} : { cpu }),
    ...(parent.dev ? { dev: true } : {}),
    optional: true,
  }
}
