import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startErrorReceiver } from '../receivers/error-envelopes.ts'
import { list } from './allow-list.fixture.ts'
import { parseErrorAddress } from './error-report.ts'
import { ownFrames } from './own-frames.ts'
import { createTelemetry } from './telemetry.ts'

const root = import.meta.dirname
const mark = 'losartan 50 mg'

function failWith(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'E_DOSE', patient: mark })
}

test('a report has code, class and own frames, and nothing of the message', async (t) => {
  const receiver = await startErrorReceiver()
  t.after(() => receiver.stop())
  const telemetry = createTelemetry(list, { service: 'api', root, errorsTo: receiver.dsn })
  t.after(() => telemetry.close())
  telemetry.report(failWith(`could not read ${mark}`))
  await telemetry.flush()
  assert.deepEqual(receiver.answers, [200])
  const [value] = receiver.events[0]?.exception.values ?? []
  assert.deepEqual([value?.type, value?.value], ['TypeError', 'E_DOSE'])
  const frames = value?.stacktrace?.frames ?? []
  assert.equal(frames.at(-1)?.function, 'failWith')
  assert.ok(frames.every(({ filename }) => filename === 'error-report.test.ts'))
  assert.doesNotMatch(JSON.stringify(receiver.events), /losartan/)
})

test('a message that looks like frames is not taken for them', () => {
  const planted = `x\n    at losartan (${root}/metrics.ts:1:1)`
  const frames = ownFrames(new Error(planted), root)
  assert.ok(frames.length > 0)
  assert.doesNotMatch(JSON.stringify(frames), /losartan/)
  const changed = new Error(planted)
  assert.ok(changed.stack)
  changed.message = 'another'
  assert.deepEqual(ownFrames(changed, root), [])
})

test('what was thrown and is no error, or says strange things of itself, tells nothing', async (t) => {
  const receiver = await startErrorReceiver()
  t.after(() => receiver.stop())
  const telemetry = createTelemetry(list, { service: 'api', root, errorsTo: receiver.dsn })
  t.after(() => telemetry.close())
  telemetry.report(mark)
  telemetry.report(Object.assign(new Error(mark), { code: mark, name: mark, stack: mark }))
  await telemetry.flush()
  assert.deepEqual(receiver.answers, [200, 200])
  assert.doesNotMatch(JSON.stringify(receiver.events), /losartan/)
})

test('a receiver that is away costs a report, which is counted, and nothing else', async (t) => {
  const receiver = await startErrorReceiver()
  t.after(() => receiver.stop())
  receiver.fail('reset')
  const telemetry = createTelemetry(list, { service: 'api', root, errorsTo: receiver.dsn })
  t.after(() => telemetry.close())
  telemetry.report(failWith('x'))
  await telemetry.flush()
  assert.match(await telemetry.metrics.text(), /telemetry_refused_total\{kind="full",label="other"\} 1/)
})

test('an address that is none is refused without being repeated', () => {
  assert.throws(
    () => parseErrorAddress('https://secret-key@'),
    (error) => error instanceof TypeError && !error.message.includes('secret'),
  )
  assert.equal(parseErrorAddress('https://k@host:9000/base/7').url, 'https://host:9000/base/api/7/envelope/')
})
