#include "node/collections/score_tree.h"
