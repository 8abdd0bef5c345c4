import { accountsCase, post, signInFailed, type Tier, token } from './accounts-scene.ts'
import { refused } from './answers.ts'

const promise = 'second-factor'

const needed = {
  ...refused(403, 'SECOND_FACTOR_SETUP_NEEDED'),
  json: { code: 'SECOND_FACTOR_SETUP_NEEDED', ticket: 're:^[\\w-]+$', methods: [], access_token: 'absent:' },
}

const demanded = (tier: Tier) =>
  accountsCase(promise, tier, `${tier}: without a second factor no token is given`, ({ signIn }) => {
    const [vouched, exchanged] = signIn('ana', 'phone', { tier, secondFactor: false, expect: needed })
    if (vouched === undefined || exchanged === undefined) throw new RangeError('a sign-in is two exchanges')
    return [
      vouched,
      { ...exchanged, save: { ticket: '/ticket' } },
      token({ grant_type: 'second_factor', ticket: '{{ticket}}' }, signInFailed),
      token({ grant_type: 'second_factor', ticket: '{{ticket}}', method: 'totp', code: '000000' }, signInFailed),
      post(
        '/auth/second-factor/totp',
        { ticket: '{{ticket}}' },
        { status: 200, json: { uri: 're:^otpauth://totp/MedTime' } },
      ),
      post('/auth/second-factor/totp/confirm', { ticket: '{{ticket}}', code: 'abcdef' }, signInFailed),
    ]
  })

export const secondFactor = [
  demanded('pro'),
  demanded('perfect'),
  accountsCase(promise, 'free', 'free: it is left to the person', ({ signIn }) =>
    signIn('ana', 'phone', { tier: 'free', secondFactor: false }),
  ),
  accountsCase(promise, 'elsewhere', 'A provider that asked for a second factor is believed', ({ signIn }) =>
    signIn('ana', 'phone', { tier: 'perfect', secondFactor: true }),
  ),
]
