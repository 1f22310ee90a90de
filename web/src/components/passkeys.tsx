import { useQuery } from '@tanstack/react-query'
import { Ellipsis, FingerprintPattern, Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { passkeysQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { keys } from '~/api/queries'
import type { Passkey } from '~/api/types'
import { AddPasskeyDialog } from '~/forms/passkey-add'
import { RenamePasskeyDialog } from '~/forms/passkey-name'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem } from '~/ui/menu'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { noPasskeysText, whyNoPasskeys } from '~/util/passkey'
import { visible } from '~/util/visible'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const t = texts('account')

const MOST = 20

/** Keys of devices and password managers that sign this account in without its password. */
export function Passkeys() {
  const list = useQuery(passkeysQuery)
  const [adding, setAdding] = useState(false)
  const [renaming, setRenaming] = useState<Passkey>()
  const [removing, setRemoving] = useState<Passkey>()
  const why = whyNoPasskeys()
  const full = (list.data?.length ?? 0) >= MOST
  const off = why ? noPasskeysText(why) : full && t('passkeys.full', { most: MOST })
  return (
    <Card>
      <CardHead title={t('passkeys.title')} note={list.data?.length}>
        <Button size="sm" icon={Plus} off={off} onClick={() => setAdding(true)}>
          {t('passkeys.add')}
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} height="h-[57px]" />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.length === 0 && <Empty title={t('passkeys.none')}>{t('passkeys.none_note')}</Empty>}
      <ul aria-label={t('passkeys.title')}>
        {list.data?.map((passkey) => (
          <PasskeyRow
            key={passkey.id}
            passkey={passkey}
            onRename={() => setRenaming(passkey)}
            onRemove={() => setRemoving(passkey)}
          />
        ))}
      </ul>
      {why && <p className="border-t border-line px-4 py-3 text-t2">{noPasskeysText(why)}</p>}
      <AddPasskeyDialog open={adding} onClose={() => setAdding(false)} />
      <RenamePasskeyDialog passkey={renaming} onClose={() => setRenaming(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('passkeys.remove_title', { name: visible(removing?.name ?? '') })}
        verb={t('passkeys.remove')}
        failed={t('passkeys.not_removed')}
        list={keys.passkeys}
        take={({ id }) => must(api.DELETE('/account/passkeys/{id}', { params: { path: { id } } }))}
      >
        {t('passkeys.remove_note')}
      </TakeBack>
    </Card>
  )
}

interface Acts {
  onRename: () => void
  onRemove: () => void
}

function PasskeyRow({
  passkey: { name, host, created_at, last_used_at, synced },
  ...actions
}: Acts & { passkey: Passkey }) {
  const shown = visible(name)
  return (
    <CredentialRow
      icon={FingerprintPattern}
      name={<bdi>{shown}</bdi>}
      facts={[
        t(synced ? 'passkeys.synced' : 'passkeys.one_device'),
        t.rich('passkeys.made', { ago: <Ago at={created_at} /> }),
        last_used_at ? t.rich('passkeys.used', { ago: <Ago at={last_used_at} /> }) : t('passkeys.never_used'),
        ...(host === location.hostname
          ? []
          : [
              <span key="host" className="whitespace-normal">
                {t.rich('passkeys.host', {
                  host: <span className="mono [overflow-wrap:anywhere]">{visible(host)}</span>,
                })}
              </span>,
            ]),
      ]}
      action={<Actions of={shown} {...actions} />}
    />
  )
}

/** Two buttons; on a phone a menu, for the facts need the width. */
function Actions({ of, onRename, onRemove }: Acts & { of: string }) {
  const phone = useMedia('(max-width: 639px)')
  if (phone)
    return (
      <Menu
        trigger={
          <Button
            look="quiet"
            iconOnly
            icon={Ellipsis}
            aria-label={t('passkeys.more_of', { name: of })}
            className="-mr-3"
          >
            {t('passkeys.more')}
          </Button>
        }
      >
        <MenuItem icon={Pencil} onSelect={onRename}>
          {t('passkeys.rename')}
        </MenuItem>
        <MenuItem icon={Trash2} danger onSelect={onRemove}>
          {t('passkeys.remove')}
        </MenuItem>
      </Menu>
    )
  return (
    <span className="flex gap-2">
      <Button size="sm" aria-label={t('passkeys.rename_of', { name: of })} onClick={onRename}>
        {t('passkeys.rename')}
      </Button>
      <Button size="sm" look="danger" aria-label={t('passkeys.remove_of', { name: of })} onClick={onRemove}>
        {t('passkeys.remove')}
      </Button>
    </span>
  )
}
