import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { peopleQuery } from '~/api/people'
import { useMay } from '~/hooks/use-may'
import { useSettled } from '~/hooks/use-settled'
import { texts } from '~/i18n/texts'
import { visible } from '~/util/visible'
import { Pick, type Picked } from './pick'

const t = texts('form_parts')

export function PickPerson({
  picked,
  error,
  oneself = false,
  onPick,
}: {
  picked: Picked | undefined
  error?: string | undefined
  /** The reader can be picked too: not where rights are given, nobody changes their own. */
  oneself?: boolean
  onPick: (picked: Picked | undefined) => void
}) {
  const [text, setText] = useState('')
  const asked = useSettled(text.trim())
  const people = useInfiniteQuery({ ...peopleQuery(asked), placeholderData: keepPreviousData })
  const { user: me } = useMay()
  const [first] = people.data?.pages ?? []
  return (
    <Pick
      label={t('person.label')}
      search={t('person.search')}
      text={text}
      onText={setText}
      rows={first?.items
        .filter(({ id }) => oneself || id !== me?.id)
        .map(({ id, username, email }) => ({ id, name: username, note: visible(email) }))}
      more={first?.next != null}
      empty={t(people.isError ? 'person.failed' : 'person.none')}
      {...{ picked, error, onPick }}
    />
  )
}
