import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blocksOf, expectedVariables } from './blocks.ts'

const fence = '```'

describe('the commands of a runbook', () => {
  test('are its blocks of shell and SQL in their order, without what a list indents them by', () => {
    const text = `# One\n1. Look:\n   ${fence}sh\n   ls\n     -l\n   ${fence}\n${fence}sql clerk\nSELECT 1\n${fence}\n${fence}ts\nno\n${fence}\n`
    assert.deepEqual(
      blocksOf(text).map(({ line, language, role, text }) => [line, language, role, text]),
      [
        [4, 'sh', undefined, 'ls\n  -l'],
        [8, 'sql', 'clerk', 'SELECT 1'],
      ],
    )
  })

  test('say which of them need another world, and what is given before one', () => {
    const text = `<!-- given: SLOT=a DROP TABLE a -->\n<!-- given sh: touch a:b -->\n<!-- given copy -->\n${fence}sh\nls\n${fence}\n${fence}sh elsewhere\ndig\n${fence}\n<!-- given: x -->\nwords\n${fence}sh\nls\n${fence}`
    assert.deepEqual(
      blocksOf(text).map(({ elsewhere, given }) => [elsewhere, given]),
      [
        [false, { variables: { SLOT: 'a' }, sql: 'DROP TABLE a', shell: 'touch a:b', copy: true }],
        [true, undefined],
        [false, undefined],
      ],
    )
  })

  test('expect what they neither set nor have a value for', () => {
    const text = `for url in "$DB" "\${API}"; do echo $url; done; X=1 sh -c "$X \${PID:-0} $PID '$SLOT'"`
    assert.deepEqual(expectedVariables({ text, language: 'sh' }), ['DB', 'API', 'SLOT'])
  })
})
