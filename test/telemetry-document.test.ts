import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { runOrFail } from '../src/process.ts'

const root = resolve(import.meta.dirname, '..')

/** Asks the service of the document for an order and for its figures. */
const asking = `
import { server } from './service.ts'
await server.inject('/orders/losartan?q=losartan')
await server.inject('/losartan')
const { body } = await server.inject('/metrics')
console.log(JSON.stringify({ body }))
await server.close()
`

test('the service that docs/telemetry.md shows runs, and tells what the document says and nothing else', async (t) => {
  const text = await readFile(join(root, 'docs/telemetry.md'), 'utf8')
  const files = [...text.matchAll(/```ts file=(\S+)\n([\s\S]*?)```/g)]
  assert.deepEqual(
    files.map(([, name]) => name),
    ['plan.ts', 'service.ts'],
  )
  // Inside of the package, so that `aval` is this one.
  await mkdir(join(root, '.aval'), { recursive: true })
  const place = await mkdtemp(join(root, '.aval', 'telemetry-document-'))
  t.after(() => rm(place, { recursive: true, force: true }))
  for (const [, name = '', code = ''] of files) await writeFile(join(place, name), code)
  await writeFile(join(place, 'asking.ts'), asking)

  const { stdout } = await runOrFail({ program: process.execPath, args: [join(place, 'asking.ts')], timeoutMs: 60_000 })
  assert.match(stdout, /"endpoint":"\/orders\/\{id\}","status_code":200,"duration_ms":[\d.]+,"event":"request"/)
  assert.match(stdout, /"endpoint":"other","status_code":404/)
  assert.match(
    stdout,
    /http_requests_total\{method=\\"GET\\",endpoint=\\"\/orders\/\{id\}\\",status_code=\\"200\\"\} 1/,
  )
  // The service numbers its requests, and a number in a text is no figure.
  assert.match(stdout, /telemetry_refused_total\{kind=\\"value\\",label=\\"request_id\\"\} 2/)
  assert.doesNotMatch(stdout, /losartan/)
})
