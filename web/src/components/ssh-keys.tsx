import { useQuery } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { sshKeysQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { keys } from '~/api/queries'
import type { SshKey } from '~/api/types'
import { AddSshKeyDialog } from '~/forms/ssh-key-add'
import { RenameSshKeyDialog } from '~/forms/ssh-key-name'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const t = texts('ssh_keys')

const MOST = 50

/** Public halves of the keys by which this account logs in over SFTP. */
export function SshKeys() {
  const list = useQuery(sshKeysQuery)
  const [adding, setAdding] = useState(false)
  const [renaming, setRenaming] = useState<SshKey>()
  const [removing, setRemoving] = useState<SshKey>()
  const full = (list.data?.length ?? 0) >= MOST
  return (
    <Card>
      <CardHead title={t('title')} note={list.data?.length}>
        <Button size="sm" icon={Plus} off={full && t('most', { n: MOST })} onClick={() => setAdding(true)}>
          {t('add')}
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} height="h-[57px]" />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.length === 0 && <Empty title={t('none')}>{t('none_note')}</Empty>}
      <ul aria-label={t('title')}>
        {list.data?.map((key) => (
          <SshKeyRow
            key={key.id}
            of={key}
            onRename={() => setRenaming(key)}
            onRemove={() => setRemoving(key)}
          />
        ))}
      </ul>
      <AddSshKeyDialog open={adding} onClose={() => setAdding(false)} />
      <RenameSshKeyDialog sshKey={renaming} onClose={() => setRenaming(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('remove_title', { name: visible(removing?.name ?? '') })}
        verb={t('remove')}
        failed={t('removed_not')}
        list={keys.sshKeys}
        take={({ id }) => must(api.DELETE('/account/ssh-keys/{id}', { params: { path: { id } } }))}
      >
        {t('remove_note')}
      </TakeBack>
    </Card>
  )
}

function SshKeyRow({
  of: { name, algorithm, fingerprint, created_at, last_used_at },
  onRename,
  onRemove,
}: {
  of: SshKey
  onRename: () => void
  onRemove: () => void
}) {
  const shown = visible(name)
  return (
    <CredentialRow
      icon={KeyRound}
      name={<bdi>{shown}</bdi>}
      tag={<Tag className="max-sm:hidden">{algorithm}</Tag>}
      facts={[
        <span key="print" className="mono whitespace-normal [overflow-wrap:anywhere]">
          {fingerprint}
        </span>,
        t.rich('made', { when: <Ago at={created_at} /> }),
        last_used_at ? t.rich('used', { when: <Ago at={last_used_at} /> }) : t('never'),
      ]}
      action={
        <span className="flex gap-2 max-sm:flex-col">
          <Button size="sm" aria-label={t('rename_of', { name: shown })} onClick={onRename}>
            {t('rename')}
          </Button>
          <Button size="sm" look="danger" aria-label={t('remove_of', { name: shown })} onClick={onRemove}>
            {t('remove')}
          </Button>
        </span>
      }
    />
  )
}
