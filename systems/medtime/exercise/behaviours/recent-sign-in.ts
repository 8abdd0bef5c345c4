import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push, raw } from './scene.ts'

const promise = 'recent-sign-in'

const needed = {
  ...refused(401, 'RECENT_SIGN_IN_NEEDED'),
  headers: { 'www-authenticate': 'Bearer error="insufficient_user_authentication", max_age=300' },
}

export const recentSignIn = [
  caseOf(promise, 'erasure', 'A token of a sign-in long past erases nothing', (scene) => {
    const [ana, stolen] = [scene.person('ana'), scene.defective('ana', 'signed-in-long-ago')]
    const dose = scene.entity('dose')
    return [
      push(ana, [dose], accepted(1)),
      raw({ method: 'DELETE', path: `/account?confirm=${scene.userId('ana')}` }, needed, stolen),
      pull(stolen, '', page([dose])),
    ]
  }),
  caseOf(promise, 'export', 'A token of a sign-in long past takes nothing along', (scene) => {
    const [ana, stolen] = [scene.person('ana'), scene.defective('ana', 'signed-in-long-ago')]
    const dose = scene.entity('dose')
    const lacks = [dose.id, dose.checksum]
    return [
      push(ana, [dose], accepted(1)),
      raw({ method: 'GET', path: '/account/export' }, { ...needed, text: { lacks } }, stolen),
      raw({ method: 'GET', path: '/account/export' }, { status: 200, text: { has: lacks } }, ana),
    ]
  }),
]
