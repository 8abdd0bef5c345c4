import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyFcm } from './fcm/classify.ts'
import type { Answer } from './request.ts'
import { classifyTwilio } from './twilio/classify.ts'

const answered = (status: number, json?: unknown, retryAfterMs?: number): Answer => ({
  kind: 'answered',
  status,
  json,
  retryAfterMs,
})
const google = (status: number, name: string, details: object[] = []) =>
  answered(status, { error: { code: status, message: 'words', status: name, details } })
const fcm = (errorCode: string) => ({ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode })
const violation = (field: string) => ({
  '@type': 'type.googleapis.com/google.rpc.BadRequest',
  fieldViolations: [{ field, description: 'words' }],
})

test('FCM: every published error means what is published', () => {
  const told: [Answer, string, string][] = [
    [google(404, 'NOT_FOUND', [fcm('UNREGISTERED')]), 'gone', 'UNREGISTERED'],
    [google(403, 'PERMISSION_DENIED', [fcm('SENDER_ID_MISMATCH')]), 'gone', 'SENDER_ID_MISMATCH'],
    [
      google(400, 'INVALID_ARGUMENT', [fcm('INVALID_ARGUMENT'), violation('message.token')]),
      'gone',
      'INVALID_ARGUMENT',
    ],
    [google(400, 'INVALID_ARGUMENT', [violation('message.data[0].value')]), 'refused', 'INVALID_ARGUMENT'],
    [google(429, 'RESOURCE_EXHAUSTED', [fcm('QUOTA_EXCEEDED')]), 'later', 'QUOTA_EXCEEDED'],
    [google(503, 'UNAVAILABLE', [fcm('UNAVAILABLE')]), 'later', 'UNAVAILABLE'],
    [google(500, 'INTERNAL', [fcm('INTERNAL')]), 'later', 'INTERNAL'],
    [google(401, 'UNAUTHENTICATED'), 'later', 'UNAUTHENTICATED'],
    [google(401, 'UNAUTHENTICATED', [fcm('THIRD_PARTY_AUTH_ERROR')]), 'refused', 'THIRD_PARTY_AUTH_ERROR'],
    [google(403, 'PERMISSION_DENIED'), 'refused', 'PERMISSION_DENIED'],
    [google(404, 'NOT_FOUND'), 'refused', 'NOT_FOUND'],
    [answered(502, undefined), 'later', 'HTTP_502'],
    [answered(302, undefined), 'refused', 'HTTP_302'],
    [answered(200, { name: 'something else' }), 'doubtful', 'STRANGE_ANSWER'],
    [{ kind: 'no-answer' }, 'doubtful', 'NO_ANSWER'],
    [{ kind: 'not-sent' }, 'later', 'NO_CONNECTION'],
  ]
  for (const [answer, kind, code] of told) {
    const outcome = classifyFcm(answer)
    assert.deepEqual([outcome.kind, 'code' in outcome ? outcome.code : ''], [kind, code])
  }
  assert.deepEqual(classifyFcm(answered(200, { name: 'projects/p/messages/1' })), {
    kind: 'accepted',
    providerId: 'projects/p/messages/1',
  })
})

test('FCM: a quota is waited for a minute at least, and longer when told so', () => {
  const quota = { error: { status: 'RESOURCE_EXHAUSTED', details: [fcm('QUOTA_EXCEEDED')] } }
  const pauseOf = (answer: Answer) => {
    const outcome = classifyFcm(answer)
    return outcome.kind === 'later' ? outcome.retryAfterMs : undefined
  }
  assert.equal(pauseOf(answered(429, quota)), 60_000)
  assert.equal(pauseOf(answered(429, quota, 90_000)), 90_000)
  assert.equal(pauseOf(google(503, 'UNAVAILABLE')), 0)
})

test('Twilio: an error in its own form says that nothing was made, one of something on the way does not', () => {
  const error = (status: number, code: number) =>
    answered(status, { code, message: 'words', more_info: 'https://', status })
  const told: [Answer, string, string][] = [
    [error(400, 21610), 'stopped', 'TWILIO_21610'],
    [error(400, 21211), 'refused', 'TWILIO_21211'],
    [error(401, 20003), 'refused', 'TWILIO_20003'],
    [error(429, 20429), 'later', 'TWILIO_20429'],
    [error(500, 20500), 'later', 'TWILIO_20500'],
    [answered(503, undefined), 'later', 'HTTP_503'],
    [answered(502, undefined), 'doubtful', 'HTTP_502'],
    [answered(500, undefined), 'doubtful', 'HTTP_500'],
    [answered(201, { sid: 'words' }), 'doubtful', 'STRANGE_ANSWER'],
    [{ kind: 'no-answer' }, 'doubtful', 'NO_ANSWER'],
    [{ kind: 'not-sent' }, 'later', 'NO_CONNECTION'],
  ]
  for (const [answer, kind, code] of told) {
    const outcome = classifyTwilio(answer)
    assert.deepEqual([outcome.kind, 'code' in outcome ? outcome.code : ''], [kind, code])
  }
  const sid = `SM${'0'.repeat(32)}`
  assert.deepEqual(classifyTwilio(answered(201, { sid })), { kind: 'accepted', providerId: sid })
})
