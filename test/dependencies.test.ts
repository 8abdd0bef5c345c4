import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { runToEnd } from '../src/process.ts'

const root = resolve(import.meta.dirname, '..')
const versions = z.record(z.string(), z.string()).default({})
const manifestSchema = z.looseObject({
  dependencies: versions,
  optionalDependencies: versions,
  devDependencies: versions,
})

const manifests = ['package.json', ...globSync('systems/*/package.json', { cwd: root })].map((file) => ({
  file,
  ...manifestSchema.parse(JSON.parse(readFileSync(join(root, file), 'utf8'))),
}))
const all = manifests.flatMap(({ file, dependencies, optionalDependencies, devDependencies }) =>
  Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies }).map(([name, version]) => ({
    file,
    name,
    version,
  })),
)

test('every version is pinned exactly', () => {
  const loose = all.filter(({ version }) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) && version !== 'file:../..')
  assert.deepEqual(loose, [])
})

test('every dependency has its reason in the decisions, and no reason is left without its dependency', () => {
  const text = readFileSync(join(root, 'docs/decisions/dependencies.md'), 'utf8')
  const cells = [...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap((row) =>
    [...(row[1] ?? '').matchAll(/`([^`]+)`/g)].map((name) => name[1] ?? ''),
  )
  const explains = (name: string) =>
    cells.some((cell) => (cell.endsWith('*') ? name.startsWith(cell.slice(0, -1)) : cell === name))
  const names = [...new Set(all.map(({ name }) => name))].filter((name) => name !== 'aval')
  assert.deepEqual(
    names.filter((name) => !explains(name)),
    [],
  )
  const uses = (cell: string) =>
    names.some((name) => (cell.endsWith('*') ? name.startsWith(cell.slice(0, -1)) : name === cell))
  assert.deepEqual(
    cells.filter((cell) => !uses(cell)),
    [],
  )
})

test('the same package has one version everywhere', () => {
  const byName = Map.groupBy(all, ({ name }) => name)
  const split = [...byName]
    .filter(([, uses]) => new Set(uses.map(({ version }) => version)).size > 1)
    .map(([name]) => name)
  assert.deepEqual(split, [])
})

test('the lock file names the packages of every platform, so that `npm ci` accepts it on each', async () => {
  const { code, stderr } = await runToEnd({
    program: process.execPath,
    args: [join(root, 'scripts/complete-lock.ts'), '--check'],
  })
  assert.equal(code, 0, stderr)
})
