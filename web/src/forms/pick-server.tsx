import { useState } from 'react'
import { useFoundServers } from '~/hooks/use-found-servers'
import { texts } from '~/i18n/texts'
import { Pick, type Picked } from './pick'

const t = texts('lists')

const MOST = 50

export function PickServer({
  picked,
  error,
  onPick,
}: {
  picked: Picked | undefined
  error?: string | undefined
  onPick: (picked: Picked | undefined) => void
}) {
  const [text, setText] = useState('')
  const { whole, found } = useFoundServers(text)
  return (
    <Pick
      label={t('pick_server')}
      search={t('pick_server.search')}
      text={text}
      onText={setText}
      rows={
        whole === undefined
          ? undefined
          : found.slice(0, MOST).map(({ id, name, node }) => ({ id, name, note: node.name }))
      }
      more={found.length > MOST || (whole === false && text === '')}
      empty={t('pick_server.none')}
      {...{ picked, error, onPick }}
    />
  )
}
