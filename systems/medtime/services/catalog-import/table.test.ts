import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { ImportError } from './import-error.ts'
import { readTable } from './table.ts'
import { inspectFile } from './text-file.ts'

let folder: string
let count = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catalog-table-'))
})
after(() => rm(folder, { recursive: true }))

async function rowsOf(content: string | Uint8Array, columns = ['Nombre', 'Código'], named = true) {
  const path = join(folder, `${count++}.csv`)
  await writeFile(path, content)
  const { encoding } = await inspectFile(path)
  const rows: { line: number; cells: string[] }[] = []
  for await (const { line, cell } of readTable({
    path,
    encoding,
    columns,
    named,
    ...(named ? {} : { delimiter: '|' }),
  })) {
    rows.push({ line, cells: columns.map(cell) })
  }
  return { encoding, rows }
}

const text = 'Nombre,Código\r\nÁcido fólico,B03\r\n"Sodio, cloruro ""0.9""\nen agua",B05\r\n'
const expected = [
  { line: 2, cells: ['Ácido fólico', 'B03'] },
  { line: 4, cells: ['Sodio, cloruro "0.9"\nen agua', 'B05'] },
]

test('UTF-8, with and without its mark, UTF-16 and Windows-1252 are told apart by the whole file', async () => {
  assert.deepEqual(await rowsOf(text), { encoding: 'utf-8', rows: expected })
  assert.deepEqual(await rowsOf(`\ufeff${text}`), { encoding: 'utf-8', rows: expected })
  assert.deepEqual(await rowsOf(Buffer.from(text, 'latin1')), { encoding: 'windows-1252', rows: expected })
  assert.deepEqual(await rowsOf(Buffer.from(`\ufeff${text}`, 'utf16le')), { encoding: 'utf-16le', rows: expected })
  // The letter that decides stands far behind the first pieces of the file.
  const late = Buffer.concat([Buffer.from(`Nombre,Código\n${'a,b\n'.repeat(60_000)}`), Buffer.from('Ñ,1\n', 'latin1')])
  assert.equal((await rowsOf(late, ['Nombre'])).rows.at(-1)?.cells[0], 'Ñ')
})

test('what spreadsheets write is read: sep=, semicolons, tabs, titles before the names, names with line breaks', async () => {
  const one = [{ line: 3, cells: ['Losartán', 'C09'] }]
  assert.deepEqual((await rowsOf('sep=;\r\nNombre;Código\r\nLosartán;C09\r\n')).rows, one)
  assert.deepEqual((await rowsOf('Nombre\tCódigo\nx\ty\n')).rows[0]?.cells, ['x', 'y'])
  assert.deepEqual((await rowsOf('Listado al 1 de enero\n\n"código";"NOMBRE"\nC09;Losartán\n')).rows[0]?.cells, [
    'Losartán',
    'C09',
  ])
  assert.deepEqual((await rowsOf('"Nombre",otro,"Código\n(humano)"\na,b,c\n', ['Nombre', 'Código (humano)'])).rows, [
    { line: 3, cells: ['a', 'c'] },
  ])
})

test('a row that is short has empty cells, and one that is long loses what no column names', async () => {
  assert.deepEqual(
    (await rowsOf('Nombre,Código\na\nb,c,d\n')).rows.map(({ cells }) => cells),
    [
      ['a', ''],
      ['b', 'c'],
    ],
  )
})

test('a file without the columns, or that breaks off inside a quote, is refused', async () => {
  await assert.rejects(rowsOf('a,b\n1,2\n'), ImportError)
  await assert.rejects(rowsOf(''), ImportError)
  await assert.rejects(rowsOf('Nombre,Código\n"never closed,x\n'), ImportError)
})

test('where columns have no names a quote is a letter', async () => {
  assert.deepEqual((await rowsOf('1|5" pipe|\n2|a "b|\n', ['id', 'name'], false)).rows, [
    { line: 1, cells: ['1', '5" pipe'] },
    { line: 2, cells: ['2', 'a "b'] },
  ])
})

test('whatever stands in cells comes back', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', ';', '\n', '\r\n', ' ', '|') })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), async (rows) => {
      const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`
      const content = `"Nombre","Código"\n${rows.map((row) => row.map(quoted).join(',')).join('\n')}\n`
      const read = await rowsOf(content)
      assert.deepEqual(
        read.rows.map(({ cells }) => cells),
        rows.map((row) => row.map((value) => value.trim())),
      )
    }),
    { numRuns: 40 },
  )
})
