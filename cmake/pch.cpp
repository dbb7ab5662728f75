// The one unit that carries Asio's out-of-line code.
#include <boost/asio/impl/src.hpp>
