// Pages work without this. It makes them comfortable: a run is seen while it runs, dialogs ask.
"use strict";
