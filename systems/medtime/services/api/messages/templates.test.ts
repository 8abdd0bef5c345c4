import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { kinds, type Language, linkId, type Message, type MessageType, message, numericCode } from './message.ts'
import { linkOrigin, render, renderContent } from './templates.ts'

const origin = linkOrigin.parse('https://medtime.app/m')
const types = Object.keys(kinds).filter((type): type is MessageType => type in kinds)
const languages: readonly Language[] = ['es', 'en']
const code = numericCode.parse('042137')
const link = linkId.parse('0b7f6a52-3c1e-4d7a-9b1f-5a2c8e4d6f70')
const fieldsOf = (type: MessageType) => (type === 'mfa_code' ? { code } : { link })

/** The GSM 7-bit alphabet, in which 160 characters make one SMS. */
const gsm = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]*$/

const words = [
  'paracetamol',
  'losartan',
  '500 mg',
  'María López',
  "'; DROP TABLE--",
  '{link}',
  '{code}',
  '$&',
  '\u202e',
  '\n',
]

test('an SMS is one SMS in either language', () => {
  for (const type of types.filter((each) => kinds[each].channel === 'sms')) {
    for (const language of languages) {
      const { body, title } = renderContent(type, language, fieldsOf(type), origin)
      assert.ok(body.length <= 160, `${type} ${language}: ${body.length}`)
      assert.match(body, gsm)
      assert.equal(title, '')
    }
  }
})

test('the words of a message are ours but for the code or the link', () => {
  const digits = fc.stringMatching(/^\d{6}$/)
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.constantFrom(...languages),
      digits,
      fc.uuid({ version: 4 }),
      (type, language, d, id) => {
        const other = type === 'mfa_code' ? { code: numericCode.parse(d) } : { link: linkId.parse(id) }
        const value = type === 'mfa_code' ? d : `${origin}/${id}`
        const ours = type === 'mfa_code' ? code : `${origin}/${link}`
        const [a, b] = [
          renderContent(type, language, other, origin),
          renderContent(type, language, fieldsOf(type), origin),
        ]
        assert.equal(a.body.replace(value, ''), b.body.replace(ours, ''))
        assert.equal(a.title, b.title)
      },
    ),
    { numRuns: 100 },
  )
})

test('nothing else gets in: neither words in a field, nor a field more, nor one of another template', () => {
  const hostile = fc.oneof(
    fc.constantFrom(...words),
    fc.string(),
    fc.constantFrom(
      '１２３４５６',
      '12345',
      '1234567',
      ' 12345',
      '12345\n',
      '0b7f6a52-3c1e-4d7a-9b1f-5a2c8e4d6f7G',
      link.toUpperCase(),
      `${link}\n`,
    ),
    fc.constant(123456),
    fc.constant({ toString: () => '123456' }),
    fc.constant(null),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.constantFrom(...languages),
      hostile,
      fc.constantFrom('code', 'link', 'name', 'medicine', '__proto__'),
      (type, language, value, field) => {
        const sound = type === 'mfa_code' ? numericCode.safeParse(value).success : linkId.safeParse(value).success
        fc.pre(!sound)
        const own = type === 'mfa_code' ? 'code' : 'link'
        assert.throws(() => renderContent(type, language, { [own]: value }, origin))
        if (field !== own && field !== '__proto__') {
          assert.throws(() => renderContent(type, language, { ...fieldsOf(type), [field]: value }, origin))
        }
        const parsed = message.safeParse({
          type,
          event: 'e',
          to: { user: link },
          tier: 'pro',
          fields: { [own]: value },
        })
        assert.equal(parsed.success, false)
      },
    ),
    { numRuns: 300 },
  )
})

test('an emergency alert exists for pro and perfect alone', () => {
  const alert = { type: 'emergency_alert', event: 'e', to: { user: link }, fields: { link } }
  for (const tier of ['pro', 'perfect']) assert.ok(message.safeParse({ ...alert, tier }).success)
  for (const tier of ['free', undefined]) assert.ok(!message.safeParse({ ...alert, tier }).success)
})

test('a link leads to an https address of ours that has no room for anything but the id', () => {
  for (const bad of [
    'http://medtime.app/m',
    'https://medtime.app/m/',
    'https://medtime.app/m?drug=',
    'https://a:b@medtime.app',
    'medtime.app',
  ]) {
    assert.ok(!linkOrigin.safeParse(bad).success, bad)
  }
})

test('the types say the same as the schemas', () => {
  const to = { user: link }
  // @ts-expect-error a template takes no words
  const name: Message = { type: 'caregiver_reminder', event: 'e', to, fields: { link, medicine: 'losartan' } }
  // @ts-expect-error nor any text where a code belongs
  const text: Message = { type: 'mfa_code', event: 'e', to, fields: { code: 'losartan' } }
  // @ts-expect-error and a code is no link
  const other: Message = { type: 'mfa_code', event: 'e', to, fields: { link } }
  // @ts-expect-error free has no emergency alert
  const free: Message = { type: 'emergency_alert', event: 'e', to, tier: 'free', fields: { link } }
  for (const given of [name, text, other, free]) assert.ok(!message.safeParse(given).success)
  assert.match(render('mfa_code', 'en', { code }, origin).body, /042137/)
})
