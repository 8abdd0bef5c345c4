import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import {
  linesOfServices,
  unlistedFields,
  unlistedLines,
  unlistedMetrics,
  unlistedReports,
  unlistedSpans,
} from './allow-list.ts'

const parsed = parsePlan({
  system: 'shop',
  telemetry: {
    metrics: {
      requests_total: { type: 'counter', help: 'Answered', labels: ['status'], emittedBy: ['api'] },
      answer_seconds: { type: 'histogram', help: 'Time', buckets: [1], emittedBy: ['api'] },
    },
    labels: { status: ['200', '500'] },
    logs: { fields: ['event', 'service'], events: ['request'] },
    traces: { spans: ['request'], attributes: ['status'] },
    errors: { fields: ['code', 'class', 'frames'] },
  },
})
if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
const { plan } = parsed

describe('metrics', () => {
  test('as the plan lists them are in order, histograms and other values of a label too', () => {
    const text = `# HELP requests_total x
requests_total{status="200"} 3
requests_total{status="other"} 1
answer_seconds_bucket{le="1"} 2
answer_seconds_sum 0.5
answer_seconds_count 2
`
    assert.deepEqual(unlistedMetrics(plan, 'api', text), [])
  })
  for (const [what, line] of Object.entries({
    'another name': 'sign_ins_total 1',
    'another label': 'requests_total{user="ana"} 1',
    'another value': 'requests_total{status="ana"} 1',
    'a line that is none': '{"requests": 3}',
  })) {
    test(`${what} is told, without the value`, () => {
      const [found, ...more] = unlistedMetrics(plan, 'api', `${line}\n`)
      assert.ok(found !== undefined && more.length === 0)
      assert.doesNotMatch(found, /ana/)
    })
  }
  test('of another service are not its own', () => {
    assert.equal(unlistedMetrics(plan, 'worker', 'requests_total{status="200"} 3\n').length, 1)
  })
})

describe('lines', () => {
  const heard = ['api    | {"event":"request","service":"api"}', 'api    | [aval] ended', 'postgres | LOG: ready']
  test('are those that services printed, and in order as long as their fields are listed', () => {
    const own = linesOfServices(heard, ['api'])
    assert.deepEqual(own, [{ service: 'api', text: '{"event":"request","service":"api"}' }])
    assert.deepEqual(unlistedFields(plan, own), [])
  })
  test('with another field, or in words, are told without what they say', () => {
    const told = unlistedFields(plan, [
      { service: 'api', text: '{"event":"request","ana":1}' },
      { service: 'api', text: 'hello ana' },
    ])
    assert.equal(told.length, 2)
    assert.doesNotMatch(told.join(), /ana/)
  })
})

describe('lines that were sent', () => {
  const lines = (stringValue: string, key: string) =>
    JSON.stringify({
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue }, attributes: [{ key }] }] }] }],
    })
  test('as listed are in order', () => assert.deepEqual(unlistedLines(plan, [lines('request', 'service')]), []))
  test('with words or fields of their own are told without them, and so is what cannot be read', () => {
    const told = unlistedLines(plan, [lines('looked for ana', 'ana'), 'not json'])
    assert.equal(told.length, 3)
    assert.doesNotMatch(told.join(), /ana/)
  })
})

describe('spans and reports', () => {
  const spans = (span: object) => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  test('as listed are in order', () => {
    assert.deepEqual(
      unlistedSpans(plan, [spans({ name: 'request', attributes: [{ key: 'status' }] }), '{"resourceMetrics":[]}']),
      [],
    )
    const report =
      '{}\n{"type":"event"}\n{"tags":{"code":"X"},"exception":{"values":[{"type":"Error","value":"TIMEOUT","stacktrace":{}}]}}'
    assert.deepEqual(unlistedReports(plan, [report]), [])
  })
  test('with names, attributes, messages or tags of their own are told', () => {
    assert.equal(unlistedSpans(plan, [spans({ name: 'GET /a?q=ana', attributes: [{ key: 'user' }] })]).length, 2)
    assert.equal(unlistedSpans(plan, ['not json']).length, 1)
    const report =
      '{}\n{"type":"event"}\n{"tags":{"user":"ana"},"request":{},"exception":{"values":[{"type":"Error","value":"ana"}]}}'
    assert.equal(unlistedReports(plan, [report]).length, 3)
    assert.equal(unlistedReports(plan, ['{}']).length, 1)
  })
})
