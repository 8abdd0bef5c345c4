import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { guaranteeKinds } from '../plan/guarantee.ts'
import { enginesOf } from './subject.ts'

const source = resolve(import.meta.dirname, '..')

/** Reads or words, and what every proof takes as given: no measurement of theirs becomes another. */
const foundations = ['plan', 'project', 'ledger', 'secrets']

/** Folders of `src` from which a prover's own files import. */
function importedBy(prover: string): string[] {
  const folder = join(import.meta.dirname, prover)
  const imported = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const path = join(folder, file)
      return Array.from(readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g), ([, to = '']) =>
        relative(source, resolve(path, '..', to)),
      )
    })
  return [...new Set(imported.filter((path) => path.includes('/')))]
}

test('evidence goes stale when the code of Aval changes that its prover goes through', () => {
  for (const kind of guaranteeKinds) {
    const digested = [...enginesOf(kind), ...foundations]
    const outside = importedBy(kind).filter((path) => !digested.some((folder) => path.startsWith(`${folder}/`)))
    assert.deepEqual(outside, [], `"${kind}" imports what its evidence does not depend on`)
  }
})
