import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOfFile } from './text-of-file.ts'

const sql = "SELECT 'año'\nFROM t"

test('the text of a file is the same whatever wrote it', () => {
  const written: Record<string, Uint8Array> = {
    'UTF-8': Buffer.from(sql),
    'UTF-8 with a mark and CRLF': Buffer.from(`\uFEFF${sql.replaceAll('\n', '\r\n')}`),
    'Latin-1': Buffer.from(sql, 'latin1'),
    'UTF-16 of Windows': Buffer.from(`\uFEFF${sql}`, 'utf16le'),
    'UTF-16 the other way round': Buffer.from(`\uFEFF${sql}`, 'utf16le').swap16(),
  }
  for (const [how, bytes] of Object.entries(written)) assert.equal(textOfFile(bytes), sql, how)
})
