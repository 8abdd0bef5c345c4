import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedAddress } from './client-address.ts'
import { exemptFrom } from './exempt.ts'

test('an IPv6 address is counted by its network, however it is written', () => {
  for (const address of [
    '2001:db8:1:2::1',
    '2001:DB8:1:2:aaaa:bbbb:cccc:dddd',
    '2001:0db8:0001:0002:0:0:0:9',
    '2001:db8:1:2::',
  ])
    assert.equal(countedAddress(address, 'unknown'), '2001:db8:1:2::/64', address)
  assert.equal(countedAddress('::1', 'unknown'), '0:0:0:0::/64')
  assert.equal(countedAddress('fe80::1%eth0', 'unknown'), 'fe80:0:0:0::/64')
})

test('an IPv4 address is one address, in IPv6 clothes as well', () => {
  for (const address of ['203.0.113.7', '::ffff:203.0.113.7', '::ffff:cb00:7107'])
    assert.equal(countedAddress(address, 'unknown'), '203.0.113.7', address)
})

test('what is no address is counted to whoever sent it', () => {
  for (const text of ['', 'unknown', '203.0.113.7:80', '<script>', '1'.repeat(500)])
    assert.equal(countedAddress(text, '198.51.100.1'), '198.51.100.1')
})

test('exempt are the networks given, and none unless given', () => {
  const exempt = exemptFrom(['127.0.0.0/8', '::1', '10.1.2.3'])
  assert.deepEqual(
    ['127.0.0.1', '10.1.2.3', '::1', '::ffff:10.1.2.3', '10.1.2.4', '::', '2001:db8::1', 'unknown'].map(exempt),
    [true, true, true, true, false, false, false, false],
  )
  assert.equal(exemptFrom([])('127.0.0.1'), false)
})
