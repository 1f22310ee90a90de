import { afterEach, expect, it } from 'vitest'
import words from '~/i18n/en/permissions.json'
import { speak } from '~/i18n/texts'
import { PERMISSIONS } from '~/mock-api/permissions'
import { foundKeys, rightText } from './right-text'

afterEach(() => speak('en'))

it('says of each right in English what the panel says', () => {
  const ours: Record<string, string> = words
  const apart = PERMISSIONS.filter(
    ({ key, description }) => ours[`right.${key.replace(/[.-]/g, '_')}`] !== description.replaceAll("'", '’'),
  )
  expect(apart).toEqual([])
})

it('says it in the reader’s language, and finds it by that', async () => {
  await speak('de')
  const [first] = foundKeys(PERMISSIONS, 'crash')
  expect(first && rightText(first)).toBe('Das Verhalten bei Abstürzen ändern.')
  expect(foundKeys(PERMISSIONS, 'abstürzen')).toEqual([first])
})

it('leaves the panel’s words where it knows none', async () => {
  await speak('de')
  expect(rightText({ key: 'moon.land', description: 'Land on it.', set: 'admin' })).toBe('Land on it.')
})
