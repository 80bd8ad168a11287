import type { Migrations } from '@gantry/state'

/** Tables of this package. The ledger's tables must be there before: the second step mends what is in them. */
export const networkMigrations: Migrations = {
  name: 'network',
  steps: [
    `
    create table network_networks (
      name text primary key,
      id text not null unique,
      subnet text not null,
      gateway text not null,
      bridge text not null unique,
      internal integer not null default 0,
      -- chosen by us, so that another may be chosen when the host's routes have changed
      automatic integer not null default 1,
      -- where the search for a free address goes on, so that an address just given back is used last
      last_address integer not null default 0,
      labels text not null default '{}',
      options text not null default '{}',
      created integer not null
    ) strict;
    create table network_endpoints (
      id text primary key,
      network text not null references network_networks (name),
      owner text not null,
      container_id text not null,
      container_name text not null,
      names text not null,
      address integer not null,
      mac text not null,
      netns text not null,
      link text not null,
      host_link text not null,
      ports text not null default '[]',
      sequences text not null default '[]',
      holder_pid integer not null,
      holder_start text not null,
      unique (network, address)
    ) strict;
    create index network_endpoints_owner on network_endpoints (owner);
    `,
    // The table of rules is for both families now: what the ledger holds of its elements must find them there.
    `
    alter table network_networks add column driver text not null default 'bridge';
    alter table network_networks add column subnet6 text;
    alter table network_networks add column gateway6 text;
    -- the part of the subnet that addresses are chosen from
    alter table network_networks add column ip_range text;
    alter table network_endpoints add column address6 text;
    -- which of the network's bridges it joins
    alter table network_endpoints add column bridge text not null default '';
    alter table network_endpoints add column gateway_priority integer not null default 0;
    update network_endpoints set bridge = (select bridge from network_networks n where n.name = network_endpoints.network);
    create unique index network_endpoints_address6 on network_endpoints (network, address6);
    create index network_endpoints_netns on network_endpoints (netns);
    update ledger_entry set args = json_set(args, '$.family', 'inet')
      where kind = 'nft-element' and json_extract(args, '$.map') in ('bridges', 'same', 'internal', 'subnets', 'ports', 'ports_at');
    `,
  ],
}
