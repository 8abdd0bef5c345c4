import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

/** From the bottom up: a module imports only from those before it. ARCHITECTURE.md explains each. */
const layers = [
  'errors',
  'clock',
  'random',
  'process',
  'synced-file',
  'receivers',
  'plan',
  'project',
  'ledger',
  'secrets',
  'postgres',
  'check',
  'adopt',
  'recovery',
  'telemetry',
  'watch',
  'run',
  'release',
  'render',
  'prove',
  'schedule',
  'server',
  'cli',
]

const root = resolve(import.meta.dirname, '..')
const source = join(root, 'src')

/** The module a file belongs to: its folder under src, or its own name when it stands in src itself. */
function moduleOf(file: string): string {
  const [first = ''] = relative(source, file).split('/')
  return first.replace(/(\.test)?\.ts$/, '')
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const pattern = /(?:from|import)\s*\(?\s*'([^']+)'/g
  return [...text.matchAll(pattern)].flatMap((match) => (match[1] === undefined ? [] : [match[1]]))
}

/** Every import that reaches a module at or above the importer's own place, as `file -> target`. */
function violations(files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const own = moduleOf(file)
    if (own === 'index') return []
    return importsOf(file).flatMap((specifier) => {
      if (specifier.startsWith('../systems') || specifier.includes('/systems/')) return [`${file} -> ${specifier}`]
      if (!specifier.startsWith('.')) return []
      const target = moduleOf(resolve(dirname(file), specifier))
      const allowed = target === own || layers.indexOf(target) < layers.indexOf(own)
      return allowed ? [] : [`${relative(root, file)} -> ${specifier}`]
    })
  })
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(source, name))

test('every module of src has its place in the order of layers', () => {
  const unplaced = new Set(files.map(moduleOf).filter((name) => name !== 'index' && !layers.includes(name)))
  assert.deepEqual([...unplaced], [])
})

test('no module imports from a layer above its own, and none imports a system', () => {
  assert.ok(files.length > 10, 'the test reads the real source folder')
  assert.deepEqual(violations(files), [])
})

test('architecture document lists the layers in the same order', () => {
  const [, section = ''] = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('\n## Layers\n')
  const text = section.split('\n## ')[0] ?? ''
  const listed = [...text.matchAll(/^\| `([a-z-]+)(?:\.ts|\/)` \|/gm)].map((match) => match[1])
  assert.deepEqual(
    listed,
    layers.filter((layer) => listed.includes(layer)),
  )
  assert.deepEqual(
    [...new Set(files.map(moduleOf))].filter((name) => name !== 'index' && !listed.includes(name)),
    [],
  )
})
