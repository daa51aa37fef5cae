/*
 * places.h - where things are when nobody says: the settings beside a configuration, the data folder. For weird and weir alike.
 */
#ifndef WEIR_CONFIG_PLACES_H
#define WEIR_CONFIG_PLACES_H

#include "base/arena.h"

/*
 * The folder of weir.yml where no --path.settings names one: $LS_SETTINGS_DIR, as for Logstash, else the one that holds what -f names.
 * NULL: there is none, or config_path is NULL.
 */
const char *place_settings(struct arena *a, const char *config_path);
/*
 * Root's daemon keeps its state where daemons do (/var/lib/weird), a user's in the user's own folder: $XDG_STATE_HOME/weird, ~/.local/state/weird;
 * without a home ./data.
 */
struct str place_data(struct arena *a);

#endif
