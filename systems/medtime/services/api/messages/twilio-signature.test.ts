import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFromTwilio, twilioSignature } from './twilio-signature.ts'

const url = 'https://mycompany.com/myapp.php?foo=1&bar=2'
const call = (number: string) =>
  new URLSearchParams({
    CallSid: 'CA1234567890ABCDE',
    Caller: number,
    Digits: '1234',
    From: number,
    To: '+18005551212',
  })

test('the published examples have the published signatures', () => {
  assert.equal(twilioSignature('12345', url, call('+12349013030')), '0/KCTR6DLpKmkAf8muzZqo1nDgQ=')
  assert.equal(twilioSignature('12345', url, call('+14158675309')), 'RSOYDt4T1cUTdK1PDd93/VVr8B8=')
})

test('only the very signature is believed', () => {
  const form = call('+12349013030')
  const good = '0/KCTR6DLpKmkAf8muzZqo1nDgQ='
  assert.equal(isFromTwilio('12345', good, url, form), true)
  for (const bad of [undefined, '', good.toLowerCase(), good.slice(0, -1), `${good} `, 'é'.repeat(14)]) {
    assert.equal(isFromTwilio('12345', bad, url, form), false, String(bad))
  }
  assert.equal(isFromTwilio('12346', good, url, form), false)
  assert.equal(isFromTwilio('12345', good, url.replace('https', 'http'), form), false)
})
