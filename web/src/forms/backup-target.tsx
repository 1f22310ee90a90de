import { useState } from 'react'
import type { Server } from '~/api/types'
import { useFoundServers } from '~/hooks/use-found-servers'
import { texts } from '~/i18n/texts'
import { Segmented } from '~/ui/segmented'
import { Pick, type Picked } from './pick'

const t = texts('backups')
const lists = texts('lists')

const MOST = 50

/** Where a backup is put back to: where it is from, or another server. */
export function BackupTarget({
  server,
  sameNode,
  other,
  picked,
  off,
  error,
  onOther,
  onPick,
}: {
  server: Server
  /** The backup is kept on its node: no other node can read it. */
  sameNode: boolean
  other: boolean
  picked: Picked | undefined
  off: string | false
  error: string | undefined
  onOther: (other: boolean) => void
  onPick: (picked: Picked | undefined) => void
}) {
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
        <span className="font-medium">{t('target')}</span>
        <Segmented
          label={t('target')}
          value={other ? 'other' : 'own'}
          choices={[
            { value: 'own', label: t('target.own') },
            { value: 'other', label: t('target.other') },
          ]}
          onChange={(value) => off === false && onOther(value === 'other')}
        />
        {off && <span className="text-12 text-t3">{off}</span>}
      </div>
      {other && (
        <>
          <OtherServer server={server} sameNode={sameNode} picked={picked} error={error} onPick={onPick} />
          <p className="text-12 text-t3">{t(sameNode ? 'target.same_node' : 'target.any_node')}</p>
        </>
      )}
    </div>
  )
}

function OtherServer({
  server,
  sameNode,
  picked,
  error,
  onPick,
}: {
  server: Server
  sameNode: boolean
  picked: Picked | undefined
  error: string | undefined
  onPick: (picked: Picked | undefined) => void
}) {
  const [text, setText] = useState('')
  const { whole, found } = useFoundServers(text)
  const fit = found.filter(({ id, node }) => id !== server.id && (!sameNode || node.id === server.node.id))
  return (
    <Pick
      label={t('target.which')}
      search={lists('pick_server.search')}
      text={text}
      onText={setText}
      rows={
        whole === undefined
          ? undefined
          : fit.slice(0, MOST).map(({ id, name, node }) => ({ id, name, note: node.name }))
      }
      more={fit.length > MOST || (whole === false && text === '')}
      empty={t('target.none')}
      {...{ picked, error, onPick }}
    />
  )
}
